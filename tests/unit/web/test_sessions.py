"""Sessions, one-time links and the marks of forms."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from pydantic import SecretStr

from tickover.errors import SignInError
from tickover.web.access.people import RIGHTS, Person, Right, Role, tidy_name
from tickover.web.access.sessions import Pass, Purpose, form_mark, read, sign

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
TOKENS = {Role.VIEWER: SecretStr("the-viewers-token-of-this"), Role.OPERATOR: SecretStr("the-operators-token-of-it")}


def granted(role: Role = Role.VIEWER, name: str = "ada", number: str = "n1") -> Pass:
    """An hour for somebody."""
    return Pass(Person(name, role), NOW + timedelta(hours=1), number)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("purpose", [Purpose.SESSION, Purpose.LINK])
def test_what_is_signed_is_read_again(role: Role, purpose: Purpose) -> None:
    """Whole, until its time is over."""
    text = sign(purpose, granted(role), TOKENS)
    assert read(purpose, text, TOKENS, NOW) == granted(role)
    assert read(purpose, text, TOKENS, NOW + timedelta(minutes=59, seconds=59)) == granted(role)
    assert read(purpose, text, TOKENS, NOW + timedelta(hours=1)) is None


def test_a_text_is_good_for_its_purpose_alone() -> None:
    """A link is no session, and a session is no link."""
    assert read(Purpose.SESSION, sign(Purpose.LINK, granted(), TOKENS), TOKENS, NOW) is None
    assert read(Purpose.LINK, sign(Purpose.SESSION, granted(), TOKENS), TOKENS, NOW) is None


def test_a_viewers_cookie_becomes_no_operators() -> None:
    """Tried: the role changed under the viewers' key, no signature at all, and a key that is not ours."""
    mine = {"aud": "session", "sub": "eve", "role": "operator", "exp": int(NOW.timestamp()) + 60, "jti": "n"}
    viewer_only = {Role.VIEWER: TOKENS[Role.VIEWER]}
    theirs = {Role.OPERATOR: TOKENS[Role.VIEWER]}  # the viewers' token in the operators' place
    signed = sign(Purpose.SESSION, granted(Role.OPERATOR), theirs)
    assert read(Purpose.SESSION, signed, TOKENS, NOW) is None
    assert read(Purpose.SESSION, signed, viewer_only, NOW) is None
    assert read(Purpose.SESSION, jwt.encode(mine, "", "none"), TOKENS, NOW) is None
    assert read(Purpose.SESSION, jwt.encode(mine, "x" * 32, "HS256"), TOKENS, NOW) is None


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é" * 10, "x" * 100_000, "eyJhbGciOiJIUzI1NiJ9.e30.", "\x00"])
def test_what_is_no_text_of_ours_lets_nobody_in(text: str) -> None:
    """Tried: nothing, rubbish, far too much, an empty claim without a signature."""
    assert read(Purpose.SESSION, text, TOKENS, NOW) is None


def test_a_new_token_ends_every_session_of_its_role_and_no_other() -> None:
    """In every replica, since nothing else is kept."""
    renewed = TOKENS | {Role.VIEWER: SecretStr("another-token-for-viewers")}
    for role, is_ended in ((Role.VIEWER, True), (Role.OPERATOR, False)):
        text = sign(Purpose.SESSION, granted(role), TOKENS)
        assert (read(Purpose.SESSION, text, renewed, NOW) is None) == is_ended


def test_each_session_has_a_mark_of_its_own() -> None:
    """No form of one session counts in another's."""
    marks = {form_mark(granted(role, name, n), TOKENS) for role in Role for name in ("ada", "bo") for n in ("1", "2")}
    assert len(marks) == 8


def test_only_operators_act() -> None:
    """The whole table."""
    allowed = {(role, right): right in RIGHTS[role] for role in Role for right in Right}
    assert allowed == {
        (Role.VIEWER, Right.LOOK): True,
        (Role.VIEWER, Right.ACT): False,
        (Role.OPERATOR, Right.LOOK): True,
        (Role.OPERATOR, Right.ACT): True,
    }
    assert [Person("x", role).may_act for role in Role] == [False, True]


@pytest.mark.parametrize(("said", "name"), [(" ada ", "ada"), ("a\tb\nc", "a b c"), ("Ünal", "Ünal"), ("<b>", "<b>")])
def test_a_name_is_tidied(said: str, name: str) -> None:
    """Blanks and what cannot be shown become one space each."""
    assert tidy_name(said) == name


@pytest.mark.parametrize("said", ["", "   ", "\x00", "x" * 65])
def test_a_name_that_cannot_be_kept_is_refused(said: str) -> None:
    """Tried: nothing, blanks, NUL, too long."""
    with pytest.raises(SignInError):
        tidy_name(said)
