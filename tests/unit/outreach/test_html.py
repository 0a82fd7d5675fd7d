"""HTML mails as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.outreach.reading.html import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>two  words</p>", "One\n\ntwo words"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<style>p{}</style><script>x()</script><title>t</title>Hi", "Hi"),
        ("caf&eacute; &amp; t&#233;", "café & té"),
        ("<div>Yes<blockquote>old<p>older</p></blockquote>new</div>", "Yes\n\n> old\n> older\n\nnew"),
        ('<div>Yes</div><div class="gmail_quote">old</div>', "Yes\n\n> old"),
        ('<p>Yes</p><div id="divRplyFwdMsg">From</div><p>old</p>', "Yes\n\n> From\n\n> old"),
        ("<b>bold <i>both</b> open", "bold both open"),
        ("</p></div>text", "text"),
        ("<![if !mso]>Hi<![endif]><!--[if mso]>no<![endif]-->", "Hi"),
        ("", ""),
    ],
)
def test_it_reads_as_a_browser_shows_it(html: str, text: str) -> None:
    """Blocks become lines, quotes are marked, what is not shown is left out, broken markup does no harm."""
    assert html_to_text(html) == text


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["<b>x", "<!--", "<a ", '<a b="', "</", "<?", "<a/", "<![", "&#", "<p>x</q>"])
def test_hostile_markup_does_not_keep_the_others_waiting(piece: str) -> None:
    """What is nested without end, or never closed, costs no more than a long mail."""
    assert isinstance(html_to_text(piece * (300_000 // len(piece))), str)


@given(st.text(alphabet="<>/=\"'&;!-[]abdivpr \n", max_size=300))
def test_no_markup_makes_it_fail(html: str) -> None:
    """Whatever the markup, a text comes back."""
    assert isinstance(html_to_text(html), str)
