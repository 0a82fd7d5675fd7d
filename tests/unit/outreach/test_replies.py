import pytest

from tickover.outreach.reading.replies import compose_reply, is_reply_subject, reply_subject
from tickover.outreach.states import Interest


@pytest.mark.parametrize(
    ("subject", "answer", "reply"),
    [
        ("Hello", "Re: Hello", False),
        ("Re: Hello", "Re: Hello", True),
        ("RE: AW:Re: Hello", "Re: Hello", True),
        ("Fwd: Hello", "Re: Hello", True),
        ("Regarding you", "Re: Regarding you", False),
        ("Re:", "Your message", True),
        ("", "Your message", False),
    ],
)
def test_an_answer_has_one_re_in_front(subject: str, answer: str, reply: bool) -> None:
    """However many stood there before; and a subject that has one is not its writer's own."""
    assert reply_subject(subject) == answer
    assert is_reply_subject(subject) is reply


@pytest.mark.parametrize("interest", Interest)
def test_a_draft_greets_by_the_first_name(interest: Interest) -> None:
    """Also where the name holds braces, or nothing."""
    assert compose_reply("Ada Novak", interest).startswith("Hi Ada,\n")
    assert compose_reply("{x} y", interest).startswith("Hi {x},\n")
    assert compose_reply(" ", interest).startswith("Hi there,\n")
