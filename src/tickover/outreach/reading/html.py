"""HTML mails as text. Pure."""

import re
from html.parser import HTMLParser

_BREAKS = frozenset({"br", "p", "div", "li", "tr", "table", "h1", "h2", "h3", "h4", "hr", "ul", "ol", "blockquote"})
_SILENT = frozenset({"script", "style", "head", "title", "template"})
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "source", "wbr"})
_QUOTES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "gmail_attr", "protonmail_quote")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_STRAY = re.compile(r"<(?![^<>]*>)")
_LONGEST = 300_000  # characters that are read
_DEEPEST = 200  # elements within each other that are told apart; every word asks for all of them
_OUTLOOK_QUOTES = frozenset({"divRplyFwdMsg", "appendonsend", "mail-editor-reference-message-container"})


def html_to_text(html: str) -> str:
    """The text of an HTML document, one line a block; quoted parts begin with `> `, as in plain mails.

    Broken markup is read as browsers do: what is never closed reaches to the end.
    """
    reader = _Reader()
    reader.feed(_tame(html[:_LONGEST]))
    reader.close()
    return reader.text()


def _tame(html: str) -> str:
    """Markup on which the library's parser neither fails nor takes hours.

    It begins anew at every tag and comment that is never closed; and Word's `<![if …]>`, which browsers skip as a
    comment, is an error to it.
    """
    return _STRAY.sub("&lt;", _COMMENT.sub("", html).replace("<![", "<!"))


class _Reader(HTMLParser):
    """Collects text, and knows inside which quoted and silent elements it stands."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[tuple[bool, list[str]]] = [(False, [])]
        self._open: list[tuple[str, bool, bool]] = []  # tag, quoted, silent
        self._rest_is_quoted = False  # Outlook marks where the quoted part begins, and never where it ends

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in _BREAKS:
            self._break()
        self._rest_is_quoted = self._rest_is_quoted or values.get("id") in _OUTLOOK_QUOTES
        if tag not in _VOID and len(self._open) < _DEEPEST:
            quoted = tag == "blockquote" or any(name in values.get("class", "") for name in _QUOTES)
            self._open.append((tag, quoted, tag in _SILENT))

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return  # `<br/>` is reported as begun and ended
        places = [place for place, (name, _, _) in enumerate(self._open) if name == tag]
        if places:
            del self._open[places[-1] :]
        if tag in _BREAKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if any(silent for _, _, silent in self._open):
            return
        quoted = self._is_quoted()
        if quoted != self._lines[-1][0]:
            self._lines.append((quoted, []))
        self._lines[-1][1].append(data)

    def text(self) -> str:
        """What was read, without runs of blanks and without more than one empty line in a row."""
        lines = []
        for quoted, parts in self._lines:
            words = " ".join("".join(parts).split())
            lines.append(f"> {words}" if quoted and words else words)
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

    def _break(self) -> None:
        self._lines.append((self._is_quoted(), []))

    def _is_quoted(self) -> bool:
        return self._rest_is_quoted or any(quoted for _, quoted, _ in self._open)
