import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.outreach.reading.intent import detect
from tickover.outreach.states import Interest


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        " stop. ",
        "Unsubscribe",
        "Stop all",
        "Unsubscribe\n\nAda Novak",
        "Please remove me from your list.",
        "Stop emailing me.",
        "I'd like to unsubscribe",
        "Do not contact me again",
        "Don\u2019t text me",
        "If you don't stop writing me, I will report you.",
        "If you do not take me off this list, I call my lawyer",
        "Bitte abmelden",
        "I am interested in one thing: take me off your list",
        "Don\u2019t contact me again",
        "I want to unsubscribe.",
        "Keine weiteren E-Mails!",
        "Merci de me désabonner",
        "Opt me out",
        "Please do not call me",
        "Sounds good in general, but please unsubscribe me.",
        "Unsubscribe!",
    ],
)
def test_a_wish_to_be_left_alone_is_an_opt_out(text: str) -> None:
    """However it is put, and whatever else the message says."""
    intent = detect(text)
    assert (intent.opt_out, intent.interest, intent.guesses) == (True, Interest.DECLINED, ())


@pytest.mark.parametrize(
    "text",
    [
        "Don't unsubscribe me, I only want fewer mails.",
        "stop by our office on Friday",
        "The end of the year suits us",
        "How does one cancel a subscription of yours?",
        "I do not want to unsubscribe",
        "Please send me the list",
        "The end",
        "We cannot stop thinking about it",
        "",
    ],
)
def test_words_that_only_sound_like_it_are_no_opt_out(text: str) -> None:
    """A negated request, and keywords inside a sentence."""
    assert not detect(text).opt_out


@pytest.mark.parametrize(
    ("text", "interest"),
    [
        ("Sounds good, please send me the details.", Interest.INTERESTED),
        ("How much is it?", Interest.INTERESTED),
        ("Das klingt gut, ich bin interessiert.", Interest.INTERESTED),
        ("Not interested, thank you.", Interest.DECLINED),
        ("We are no longer interested in pricing", Interest.DECLINED),
        ("Kein Interesse, danke.", Interest.DECLINED),
        ("I don't need pricing", Interest.UNCLEAR),
        ("Who gave you my address?", Interest.UNCLEAR),
        ("Please don't send me the brochure", Interest.UNCLEAR),
        ("Can we schedule a call?", Interest.INTERESTED),
        ("I'm not really interested, sorry", Interest.DECLINED),
        ("No, thanks", Interest.DECLINED),
        ("", Interest.UNCLEAR),
    ],
)
def test_interest_is_read_from_the_words(text: str, interest: Interest) -> None:
    """A refusal beats a word that shows interest; a negated one shows none."""
    assert detect(text).interest is interest


def test_guesses_keep_their_topic_and_their_words() -> None:
    """Sorted by topic, with what stands around them, and a time after which they are worth nothing."""
    guesses = detect("What is your pricing? Call me next week: +44 20 7946 0958.").guesses
    assert [guess.topic for guess in guesses] == ["meeting", "phone", "pricing", "timing"]
    assert "+44 20 7946 0958" in guesses[1].content
    assert all(guess.lasts.days > 0 for guess in guesses)


def test_a_huge_message_is_read_up_to_a_bound() -> None:
    """What stands beyond 20,000 characters is not looked at."""
    assert detect("x " * 10_000 + "please remove me").opt_out is False
    assert detect("x " * 9_900 + "please remove me").opt_out is True


def test_a_refusal_gives_nothing_away() -> None:
    """Who is not interested leaves no guess behind, whatever else is mentioned."""
    assert detect("Not interested in your pricing, no call next week.").guesses == ()


@given(st.text())
def test_any_text_has_an_intent(text: str) -> None:
    """Nothing makes it fail, and an opt-out never shows interest."""
    intent = detect(text)
    assert not (intent.opt_out and intent.interest is not Interest.DECLINED)
