"""Which lines of a mail its writer wrote. Pure.

Quoted replies look different in each mail program: `>` in front of every line, or a line such as "On …, … wrote:", or a
block of headers as Outlook makes it, in the language of the writer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_ATTRIBUTIONS = re.compile(
    r"^(?:on|am|le|el|il|op|em|den|w dniu)\b.{4,300}?"
    r"(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev|napisał)\b.{0,120}:$",
    re.IGNORECASE,
)
_MOST_ATTRIBUTION_LINES = 3
_ORIGINAL = re.compile(
    r"^-{2,} ?(?:original message|ursprüngliche nachricht|message d'origine|mensaje original|messaggio originale"
    r"|oorspronkelijk bericht|mensagem original) ?-{2,}$",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"^(?:-{2,} ?(?:forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado) ?-{2,}"
    r"|begin forwarded message:|anfang der weitergeleiteten nachricht:)$",
    re.IGNORECASE,
)
_HEADER_FROM = re.compile(r"^\*?(?:from|von|de|da|van|från)\s?:\*? ?\S", re.IGNORECASE)
_HEADER_NEXT = re.compile(
    r"^\*?(?:sent|date|to|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado|para|asunto|inviato|a|oggetto"
    r"|verzonden|aan|onderwerp)\s?:\*?",
    re.IGNORECASE,
)
_HEADER_LINES = 4
_HEADERS_NEEDED = 2
_RULE = re.compile(r"^_{10,}$")
_SIGNATURES = re.compile(
    r"^(?:-- ?|sent from my (?:iphone|ipad|android|mobile|samsung|galaxy).{0,40}"
    r"|sent from (?:outlook|yahoo|proton).{0,60}"
    r"|get outlook for (?:ios|android).{0,60}|von meinem iphone gesendet|envoyé de mon iphone)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A mail's text, taken apart.

    Args:
        text: what its writer wrote; empty where everything is quoted.
        quoted: whether something was stripped that somebody else wrote.
        forwarded: whether that was a forwarded message.
    """

    text: str
    quoted: bool
    forwarded: bool


def strip_quoted(text: str) -> Reply:
    """Keep what the writer of a mail wrote.

    Answers written between or below quoted lines are kept; signatures of phones and after `-- ` are not.

    Args:
        text: a mail's body, its lines ended by newlines.
    """
    lines = [line.strip().replace("\u00a0", " ") for line in text.split("\n")]
    own: list[str] = []
    quoted = forwarded = False
    place = 0
    while place < len(lines):
        line = lines[place]
        forwarded = _FORWARDED.match(line) is not None
        if forwarded or _begins_quoted_rest(lines, place):
            quoted = True
            break
        attribution = _attribution_length(lines, place)
        if attribution:
            quoted = True
            place += attribution
            if not _is_marked(lines, place):
                break  # nothing marks the quoted lines, so they reach to the end
            continue
        if line.startswith(">"):
            quoted = True
        else:
            own.append(line)
        place += 1
    return Reply(_without_signature(own), quoted, forwarded)


def _begins_quoted_rest(lines: Sequence[str], place: int) -> bool:
    """Whether everything from here on is quoted: after a dividing line, or a block of headers."""
    line = lines[place]
    if _ORIGINAL.match(line):
        return True
    if _RULE.match(line):
        return any(_HEADER_FROM.match(following) for following in lines[place + 1 : place + 3])
    if not _HEADER_FROM.match(line):
        return False
    following = lines[place + 1 : place + 1 + _HEADER_LINES]
    return sum(_HEADER_NEXT.match(header) is not None for header in following) >= _HEADERS_NEEDED


def _attribution_length(lines: Sequence[str], place: int) -> int:
    """How many lines an "On …, … wrote:" takes that begins here; programs wrap it. 0 where none does."""
    for length in range(1, _MOST_ATTRIBUTION_LINES + 1):
        part = lines[place : place + length]
        if len(part) < length or not all(part):
            return 0
        if _ATTRIBUTIONS.match(" ".join(part)):
            return length
    return 0


def _is_marked(lines: Sequence[str], place: int) -> bool:
    """Whether the next line that is not empty begins with `>`."""
    return next((line.startswith(">") for line in lines[place:] if line), False)


def _without_signature(lines: Sequence[str]) -> str:
    end = next((place for place, line in enumerate(lines) if _SIGNATURES.match(line)), len(lines))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines[:end])).strip()
