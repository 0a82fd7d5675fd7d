"""What keeps a call of the engine out, before and after it is read."""

from datetime import UTC, datetime

import pytest

from tickover.engine.admission import LARGEST_BODY, SyncRequest, admit_sync, admit_unread
from tickover.isolation.contradiction import Contradiction, Severity, error, warning, withheld
from tickover.isolation.environment import Environment
from tickover.isolation.kinds import Kind
from tickover.isolation.verdict import Verdict

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
STAMP = int(NOW.timestamp())
ORIGIN = "https://app.example"
PRODUCTION = Environment(Kind.PRODUCTION, "production", "a test")
PREVIEW = Environment(Kind.PREVIEW, "fix", "a test")


def stamped(seconds: float) -> str:
    """A signature that was made so many seconds from now."""
    return f"t={STAMP + int(seconds)}&s=00"


UNREAD = [  # method, signature, content-length; status and code
    ("POST", stamped(0), "10", None),
    ("POST", stamped(-300), "10", None),
    ("POST", stamped(300), "10", None),
    ("POST", stamped(-301), "10", (401, "stale-signature")),
    ("POST", stamped(301), "10", (401, "stale-signature")),
    ("PUT", stamped(-360), "10", (403, "stale-signature")),
    ("PUT", stamped(360), None, (403, "stale-signature")),
    ("GET", stamped(-360), None, (401, "stale-signature")),
    ("HEAD", stamped(-360), None, (401, "stale-signature")),
    ("POST", "", "10", (401, "stale-signature")),
    ("POST", "s=00", "10", (401, "stale-signature")),
    ("POST", "t=now&s=00", "10", (401, "stale-signature")),
    ("POST", "t=-5&s=00", "10", (401, "stale-signature")),
    ("POST", f"t={STAMP}.5&s=00", "10", (401, "stale-signature")),
    ("POST", f"t={'9' * 5000}&s=00", "10", (401, "stale-signature")),
    ("POST", f"t=0&t={STAMP}&s=00", "10", (401, "stale-signature")),
    ("POST", None, "10", None),
    ("POST", None, None, None),
    ("POST", stamped(0), str(LARGEST_BODY), None),
    ("POST", stamped(0), str(LARGEST_BODY + 1), (413, "body-too-large")),
    ("PUT", stamped(-360), str(LARGEST_BODY + 1), (413, "body-too-large")),
    ("POST", stamped(0), "9" * 5000, (413, "body-too-large")),
    ("POST", stamped(0), "-1", (413, "body-too-large")),
    ("POST", stamped(0), "1e3", (413, "body-too-large")),
    ("POST", stamped(0), "", (413, "body-too-large")),
]


@pytest.mark.parametrize(("method", "signature", "length", "expected"), UNREAD)
def test_what_is_old_or_large_is_not_read(
    method: str, signature: str | None, length: str | None, expected: tuple[int, str] | None
) -> None:
    """Five minutes either way count as fresh, and four MiB as small; what says neither is neither."""
    refused = admit_unread(method, signature, length, NOW)
    assert (None if refused is None else (refused.status.value, refused.code)) == expected


def verdict(environment: Environment = PRODUCTION, origin: str | None = ORIGIN, *against: Contradiction) -> Verdict:
    """A verdict on this process."""
    return Verdict(environment, environment.name, origin, against)


def asked(
    host: str = "app.example",
    url: str | None = f"{ORIGIN}/api/inngest",
    *,
    forwarded: str = "",
    signed: str = "genuine",
) -> SyncRequest:
    """A request to register."""
    signature = None if signed == "unsigned" else stamped(0)
    return SyncRequest(host, forwarded, signature, signed == "genuine", url)


EVIL = "https://evil.example/api/inngest"
SYNCS: list[tuple[str, Verdict, SyncRequest, str | None]] = [
    ("genuine", verdict(), asked(), None),
    ("genuine, without a URL", verdict(), asked(url=None), None),
    ("genuine, with the port said", verdict(), asked("APP.example:443", f"{ORIGIN}:443/x"), None),
    ("genuine, through a proxy", verdict(), asked("10.0.0.7:8000", forwarded="app.example"), None),
    ("genuine, through a proxy that keeps no host", verdict(), asked("10.0.0.7:8000"), None),
    ("r03 unsigned", verdict(), asked(signed="unsigned"), "unsigned-sync"),
    ("r03 unsigned, foreign", verdict(), asked("evil.example", EVIL, signed="unsigned"), "unsigned-sync"),
    ("r03 signed by another", verdict(), asked(signed="foreign"), "foreign-signature"),
    ("r03 genuine, foreign host, no URL", verdict(), asked("evil.example", None), "foreign-host"),
    ("r03 genuine, foreign port, no URL", verdict(), asked("app.example:8443", None), "foreign-host"),
    ("r03 genuine, naming another", verdict(), asked(url=EVIL), "foreign-host"),
    ("r03 genuine, naming another to a proxy", verdict(), asked("x", EVIL, forwarded="app.example"), "foreign-host"),
    ("r03 genuine, naming a user at another", verdict(), asked(url="https://app.example@evil.example"), "foreign-host"),
    ("genuine, naming no URL", verdict(), asked(url="http://[oops"), "foreign-host"),
    ("genuine, naming nothing", verdict(), asked(url=""), "foreign-host"),
    ("production without an origin", verdict(origin=None), asked(), "no-serve-origin"),
    ("preview at its own URL", verdict(PREVIEW, None), asked(), None),
    ("preview without a URL", verdict(PREVIEW, None), asked(url=None), "foreign-host"),
    ("preview, replayed to another", verdict(PREVIEW, None), asked("evil.example"), "foreign-host"),
    (
        "preview, replayed by a proxy",
        verdict(PREVIEW, None),
        asked("evil.example", forwarded="app.example"),
        "foreign-host",
    ),
    ("preview, naming another", verdict(PREVIEW, None), asked(url=EVIL), "foreign-host"),
    ("preview, pinned", verdict(PREVIEW), asked("evil.example", EVIL), "foreign-host"),
    ("refused", verdict(PREVIEW, ORIGIN, error("x", "x", "y")), asked(), "may-not-sync"),
    ("withheld", verdict(PREVIEW, ORIGIN, withheld("x", "x", "y")), asked(), "may-not-sync"),
    ("warned", verdict(PREVIEW, ORIGIN, warning("x", "x", "y")), asked(), None),
]


@pytest.mark.parametrize(("who", "request_", "expected"), [row[1:] for row in SYNCS], ids=[row[0] for row in SYNCS])
def test_r03_f12_who_may_register(who: Verdict, request_: SyncRequest, expected: str | None) -> None:
    """Whoever holds the key, for the URL that is pinned; where none is, for the one it was sent to. All else is 403."""
    refused = admit_sync(who, request_, is_signed_mode=True)
    assert (None if refused is None else (refused.status.value, refused.code)) == (expected and (403, expected))


DEV = [
    ("nothing pinned", verdict(PREVIEW, None), asked("evil.example", None, signed="unsigned"), None),
    ("pinned", verdict(PREVIEW), asked(signed="unsigned"), None),
    ("pinned, foreign", verdict(PREVIEW), asked("evil.example", signed="unsigned"), "foreign-host"),
    ("pinned, naming another", verdict(PREVIEW), asked(url=EVIL, signed="unsigned"), "foreign-host"),
    ("production", verdict(origin=None), asked(signed="unsigned"), "no-serve-origin"),
]


@pytest.mark.parametrize(("who", "request_", "expected"), [row[1:] for row in DEV], ids=[row[0] for row in DEV])
def test_a_dev_server_signs_nothing(who: Verdict, request_: SyncRequest, expected: str | None) -> None:
    """So nothing has to be signed; a pinned origin holds all the same."""
    refused = admit_sync(who, request_, is_signed_mode=False)
    assert (refused and refused.code) == expected


def test_a_refusal_says_what_to_do() -> None:
    """Each detail names a remedy, the contradiction's own where there is one."""
    against = Contradiction("x", Severity.WITHHELD, "something is wrong", "mend it")
    refused = admit_sync(verdict(PREVIEW, ORIGIN, against), asked(), is_signed_mode=True)
    assert refused is not None
    assert refused.detail == "something is wrong; mend it"
