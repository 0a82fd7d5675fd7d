"""What speaks against acting, each with its remedy. Pure."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What follows from a contradiction."""

    ERROR = "error"
    """Nothing is changed, sent or synced."""
    WITHHELD = "withheld"
    """Nothing is sent or synced; the work of ticks is done here."""
    WARNING = "warning"
    """Nothing follows yet."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One thing that is wrong. No text of it shows a secret.

    Args:
        code: a stable, kebab-case name.
        severity: what follows.
        text: what was seen, naming the variables.
        remedy: what to do.
    """

    code: str
    severity: Severity
    text: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        """As a JSON object, the same wherever it is shown."""
        return {name: str(value) for name, value in asdict(self).items()}


def error(code: str, text: str, remedy: str) -> Contradiction:
    """A contradiction under which nothing may be changed, sent or synced."""
    return Contradiction(code, Severity.ERROR, text, remedy)


def withheld(code: str, text: str, remedy: str) -> Contradiction:
    """A contradiction under which nothing may be sent or synced."""
    return Contradiction(code, Severity.WITHHELD, text, remedy)


def warning(code: str, text: str, remedy: str) -> Contradiction:
    """A contradiction from which nothing follows yet."""
    return Contradiction(code, Severity.WARNING, text, remedy)
