"""Are the secrets of this process in form, in their own roles, and of this environment? Pure; no value is ever shown.

Rules: inngest-wire (Sync, Signatures: a newline in the signing key); field note F2; Inngest's keys are
`signkey-{prod|test|branch}-{hex}` in its cloud, and bare hex digits at a server of one's own.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import combinations

from tickover.isolation.contradiction import Contradiction, error, warning
from tickover.isolation.environment import Environment
from tickover.isolation.kinds import Kind

EVENT_KEY, SIGNING_KEY, FALLBACK_KEY = "INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "INNGEST_SIGNING_KEY_FALLBACK"
CRON_SECRET, CRON_SECRET_PREVIOUS = "CRON_SECRET", "CRON_SECRET_PREVIOUS"
OPERATOR_TOKEN = "TICKOVER_OPERATOR_TOKEN"  # noqa: S105 - the variable's name
VIEWER_TOKEN = "TICKOVER_VIEWER_TOKEN"  # noqa: S105 - the variable's name
METRICS_TOKEN = "TICKOVER_METRICS_TOKEN"  # noqa: S105 - the variable's name
NOTICES = "TICKOVER_NOTICES"
SECRETS = (
    EVENT_KEY, SIGNING_KEY, FALLBACK_KEY, CRON_SECRET, CRON_SECRET_PREVIOUS, OPERATOR_TOKEN, VIEWER_TOKEN,
    METRICS_TOKEN, NOTICES,
)  # fmt: skip
"""Variables that hold a secret each, all different."""

KEYS = (EVENT_KEY, SIGNING_KEY, FALLBACK_KEY)
"""Those that belong to one environment of the engine."""

_SIGNING = re.compile(r"(signkey-(?P<environment>[A-Za-z0-9_]+)-)?(?P<digits>([0-9A-Fa-f]{2})+)")
_GUESSABLE = {"secret", "password", "changeme", "change-me", "cron", "cron-secret", "cron_secret", "test", "example"}
_SHORTEST = 16  # characters of a cron secret
_FEWEST = 5  # different characters of one
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_OF_PRODUCTION = frozenset({"prod", "production"})
_KINDS = _OF_PRODUCTION | {"test", "branch"}  # anything else there may be part of a key that was mangled
_REWRITE = "write it again without them: copy it anew, and paste it without the end of the line"


def fingerprint(key: str) -> str:
    """What a key can be recognised by and not be made from: 16 hex digits.

    A signing key is recognised without its prefix and in either case of its digits: the engine knows it so as well.

    Args:
        key: an event or signing key, trimmed. Both are long and random, so nobody finds one by trying.
    """
    found = _SIGNING.fullmatch(key)
    itself = key if found is None else found["digits"].lower()
    return hashlib.sha256(b"tickover:" + itself.encode(errors="surrogateescape")).hexdigest()[:16]


def read_fingerprints(said: str) -> tuple[frozenset[str], list[str]]:
    """The fingerprints that `TICKOVER_PRODUCTION_KEYS` names, and what stands there besides.

    Args:
        said: its value.
    """
    words = [word.strip().lower() for word in said.split(",") if word.strip()]
    found = frozenset(word for word in words if _FINGERPRINT.fullmatch(word))
    return found, [word for word in words if word not in found]


def examine(environment: Environment, variables: Mapping[str, str], production: frozenset[str]) -> list[Contradiction]:
    """Everything that is wrong with the secrets.

    Args:
        environment: whose they are to be.
        variables: of the process, as they came.
        production: fingerprints of production's keys, as far as they are known.
    """
    secrets = {name: value.strip() for name in SECRETS if (value := variables.get(name, "")).strip()}
    return [
        *_form(secrets),
        *_roles(secrets),
        *_cron(secrets),
        *_environments(environment, secrets, production),
    ]


def examine_blanks(names: Mapping[str, str]) -> list[Contradiction]:
    """A warning for each variable that was trimmed.

    Args:
        names: variables with their values as they came.
    """
    return [
        warning(
            "trimmed",
            f"{name} has blanks or newlines around its value; they were left out here, and other programs that read it "
            "do not leave them out",
            _REWRITE,
        )
        for name, value in names.items()
        if value.strip() and value != value.strip()
    ]


def _form(secrets: Mapping[str, str]) -> Iterator[Contradiction]:
    for name, value in secrets.items():
        if name == NOTICES:
            continue  # several URLs, with blanks between them; the settings look at each
        if any(not character.isprintable() or character.isspace() for character in value):
            yield error("malformed-secret", f"{name} has blanks or control characters inside", _REWRITE)
        elif name in {SIGNING_KEY, FALLBACK_KEY} and not _SIGNING.fullmatch(value):
            yield error(
                "signing-key-form",
                f"{name} is no signing key: that is signkey-…- and an even number of hex digits, or the digits alone",
                "copy the signing key of this environment from Inngest (Manage, Signing key)",
            )
        elif name == EVENT_KEY and value.startswith("signkey-"):
            yield error("event-key-form", f"{name} holds a signing key", "copy the event key (Manage, Event keys)")


def _roles(secrets: Mapping[str, str]) -> Iterator[Contradiction]:
    """A secret that is known in one role opens no other door; with or without its prefix, a signing key is the same."""
    for one, other in combinations(secrets, 2):
        if fingerprint(secrets[one]) != fingerprint(secrets[other]):
            continue
        if {one, other} in ({CRON_SECRET, CRON_SECRET_PREVIOUS}, {SIGNING_KEY, FALLBACK_KEY}):
            yield warning("rotation-of-none", f"{one} and {other} are the same", f"unset {other}")
        else:
            yield error("same-secret", f"{one} and {other} are the same", f"give {other} a value of its own")


def _cron(secrets: Mapping[str, str]) -> Iterator[Contradiction]:
    for name in (CRON_SECRET, CRON_SECRET_PREVIOUS):
        value = secrets.get(name)
        if value is None:
            continue
        if len(value) < _SHORTEST or len(set(value)) < _FEWEST or value.lower() in _GUESSABLE:
            yield warning(
                "weak-cron-secret",
                f"{name} is short, or can be guessed",
                "make a new one with `openssl rand -hex 32`, and rotate it in through CRON_SECRET_PREVIOUS",
            )


def _environments(
    environment: Environment, secrets: Mapping[str, str], production: frozenset[str]
) -> Iterator[Contradiction]:
    keys = {name: secrets[name] for name in KEYS if name in secrets}
    for name, value in keys.items():
        if (of := _environment_of(value)) is not None and (of in _OF_PRODUCTION) != environment.is_production:
            told = f"environment {of!r}" if of in _KINDS else "other environments"
            yield error(
                "key-of-another-environment",
                f"{name} is of Inngest's {told}, and this is {environment} ({environment.source})",
                f"set {name} to that of this environment, for this environment only{_or_production(environment)}",
            )
        elif not environment.is_production and fingerprint(value) in production:
            yield error(
                "production-key",
                f"{name} is production's, and this is {environment} ({environment.source})",
                f"set {name} to that of this environment, for this environment only{_or_production(environment)}",
            )
    if (
        environment.is_production
        and production
        and any(fingerprint(value) not in production for value in keys.values())
    ):
        yield warning(
            "fingerprints-stale",
            "TICKOVER_PRODUCTION_KEYS does not name every key of this production, so previews would not know them",
            "run `tickover seal --fingerprints` here, and set the line it prints for every environment",
        )


def _or_production(environment: Environment) -> str:
    """What else may be meant by who runs production on a host that does not tell."""
    is_guess = environment.kind is Kind.DEVELOPMENT and environment.source != "TICKOVER_ENV"
    return "; if this is production, set TICKOVER_ENV=production" if is_guess else ""


def _environment_of(key: str) -> str | None:
    """The environment that a signing key's prefix names, where it is of one that can be told."""
    found = _SIGNING.fullmatch(key)
    return None if found is None or found["environment"] is None else found["environment"].lower()
