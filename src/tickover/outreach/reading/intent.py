"""What the writer of a message wants: to be left alone, to hear more, neither. Pure.

Only what the writer wrote may be given here, never what was quoted: our own mails say "unsubscribe" too.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from tickover.outreach.states import Interest

_LONGEST = 20_000  # characters that are looked at: people say it early, and mails may be huge

# The words a carrier honours when they are all that a message says (CTIA, Messaging Principles, opt-out keywords).
_KEYWORDS = frozenset(
    {"stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "optout", "opt out", "revoke", "abmelden"}
)
_OPT_OUT = re.compile(
    r"\b(?:unsubscribe (?:me|us)|please unsubscribe|unsubscribe,? please|remove (?:me|us|my (?:e-?mail|address|name))"
    r"|take (?:me|us) off|stop (?:e-?mailing|contacting|texting|writing|messaging|calling|sending)"
    r"|opt(?:ing)? (?:me )?out|(?:do not|don't|never) (?:contact|e-?mail|text|write|call|message) (?:me|us)"
    r"|(?:want|like) to unsubscribe|bitte abmelden|keine weiteren (?:e-?mails|nachrichten)"
    r"|me désabonner|désabonnez|darme de baja|no me escriba)\b",
    re.IGNORECASE,
)
_DECLINED = re.compile(
    r"\b(?:not (?:really |currently |that )?interested|no longer interested|no interest|no,? thank(?:s| you)|not for us"
    r"|we'll pass|i'll pass|not a (?:good )?fit|kein interesse|pas intéressés?|no me interesa)\b",
    re.IGNORECASE,
)
_INTERESTED = re.compile(
    r"\b(?:interested|tell me more|more (?:details|information|info)|send (?:me|us|over) (?:the|more|a|your)"
    r"|(?:book|schedule|set up|arrange) (?:a |an? \S+ )?(?:call|demo|meeting)|pricing|price list|how much|quote for"
    r"|sounds (?:good|great|interesting)|let's (?:talk|chat|meet)|call me|interessiert|intéressés?|me interesa)\b",
    re.IGNORECASE,
)
# "If you don't stop writing me" is no request to go on.
_NEGATION = re.compile(
    r"(?<!\byou )(?<!\byou do )(?:\bdon't|\bdo not|\bdidn't|\bnot|\bnever|\bwithout|\bno need to)\s+(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)
_TOPICS: tuple[tuple[str, re.Pattern[str], timedelta], ...] = (
    ("pricing", re.compile(r"\b(?:pricing|price|how much|quote|budget|costs?)\b", re.IGNORECASE), timedelta(days=30)),
    ("meeting", re.compile(r"\b(?:call|demo|meeting|calendar)\b", re.IGNORECASE), timedelta(days=14)),
    (
        "timing",
        re.compile(r"\b(?:next (?:week|month|quarter|year)|in (?:january|q[1-4]))\b", re.IGNORECASE),
        timedelta(days=45),
    ),
    ("phone", re.compile(r"\+\d[\d ().-]{7,18}\d"), timedelta(days=180)),
)
_CONTEXT = 80


@dataclass(frozen=True, slots=True)
class Guess:
    """Something a message gives away.

    Args:
        topic: what it is about; a newer guess about the same topic replaces an older one.
        content: the words it was read from.
        lasts: how long it is worth something.
    """

    topic: str
    content: str
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Intent:
    """What a message's writer wants.

    Args:
        opt_out: no further message may go to them.
        interest: whether they want to hear more.
        guesses: what else the message gives away, sorted by topic.
    """

    opt_out: bool
    interest: Interest
    guesses: tuple[Guess, ...]


def detect(text: str) -> Intent:
    """Read what the writer wants.

    Args:
        text: their own words.
    """
    words = text[:_LONGEST].replace("\u2019", "'")
    if _is_opt_out(words):
        return Intent(opt_out=True, interest=Interest.DECLINED, guesses=())
    interest = _interest(words)
    guesses = () if interest is Interest.DECLINED else tuple(sorted(_guesses(words), key=lambda guess: guess.topic))
    return Intent(opt_out=False, interest=interest, guesses=guesses)


def _is_opt_out(words: str) -> bool:
    if any(" ".join(said.lower().split()).strip(" .!\"'") in _KEYWORDS for said in (words, _first_line(words))):
        return True
    return any(not _is_negated(words, match) for match in _OPT_OUT.finditer(words))


def _first_line(words: str) -> str:
    """A name or a greeting often stands below the one word that counts."""
    return words.strip().partition("\n")[0]


def _interest(words: str) -> Interest:
    if _DECLINED.search(words):
        return Interest.DECLINED
    if any(not _is_negated(words, match) for match in _INTERESTED.finditer(words)):
        return Interest.INTERESTED
    return Interest.UNCLEAR


def _is_negated(words: str, match: re.Match[str]) -> bool:
    return _NEGATION.search(words[max(0, match.start() - 40) : match.start()]) is not None


def _guesses(words: str) -> list[Guess]:
    found = []
    for topic, pattern, lasts in _TOPICS:
        match = pattern.search(words)
        if match:
            around = words[max(0, match.start() - _CONTEXT) : match.end() + _CONTEXT]
            found.append(Guess(topic, " ".join(around.split()), lasts))
    return found
