"""Secrets: their form, their roles, their environment; and no text shows one."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickover.isolation.environment import Environment, resolve
from tickover.isolation.keys import SECRETS, examine, examine_blanks, fingerprint, read_fingerprints
from tickover.isolation.kinds import Kind
from tickover.isolation.verdict import Facts, judge

HEX, OTHER = "0a1b2c5e" * 8, "2c3d" * 16
CRON = "a-cron-secret-of-the-tests"
EVENT, SIGNING, FALLBACK = "INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "INNGEST_SIGNING_KEY_FALLBACK"
PRODUCTION = Environment(Kind.PRODUCTION, "production", "a test")
PREVIEW = Environment(Kind.PREVIEW, "fix", "a test")
DEVELOPMENT = Environment(Kind.DEVELOPMENT, "development", "a guess")


def codes(variables: Mapping[str, str], environment: Environment = PREVIEW, known: frozenset[str] = frozenset()) -> str:
    """The names of all contradictions, with the severity of each."""
    return " ".join(f"{found.severity}:{found.code}" for found in examine(environment, variables, known))


FORMS = [
    ("bare hex", SIGNING, HEX, ""),
    ("a branch's", SIGNING, f"signkey-branch-{HEX}", ""),
    ("upper case", SIGNING, f"signkey-test-{HEX.upper()}", ""),
    ("with a newline at its end", SIGNING, f"{HEX}\n", ""),
    ("blank, which is none", SIGNING, " \n", ""),
    ("with a blank inside", SIGNING, f"{HEX[:8]} {HEX[8:]}", "error:malformed-secret"),
    ("with a newline inside", FALLBACK, f"{HEX}\n{HEX}", "error:malformed-secret"),
    ("with an invisible mark", SIGNING, f"\ufeff{HEX}", "error:malformed-secret"),
    ("with a byte of no encoding", EVENT, "key\udcff", "error:malformed-secret"),
    ("an odd number of digits", SIGNING, HEX[:-1], "error:signing-key-form"),
    ("no hex", SIGNING, "signkey-test-xyz", "error:signing-key-form"),
    ("a fallback of no form", FALLBACK, "fallback", "error:signing-key-form"),
    ("in quotes", SIGNING, f'"{HEX}"', "error:signing-key-form"),
    ("a prefix alone", SIGNING, "signkey-test-", "error:signing-key-form"),
    ("an event key", EVENT, "any-text.that_is:printed", ""),
    ("a signing key as event key", EVENT, f"signkey-test-{HEX}", "error:event-key-form"),
    ("a cron secret", "CRON_SECRET", CRON, ""),
    ("a cron secret with a tab inside", "CRON_SECRET", f"{CRON}\t{CRON}", "error:malformed-secret"),
    ("a short cron secret", "CRON_SECRET", "0a1b2c3d", "warning:weak-cron-secret"),
    ("a cron secret of one letter", "CRON_SECRET", "a" * 40, "warning:weak-cron-secret"),
    ("a cron secret that is guessed", "CRON_SECRET", "Cron-Secret", "warning:weak-cron-secret"),
    ("a short one before it", "CRON_SECRET_PREVIOUS", "0a1b2c3d", "warning:weak-cron-secret"),
]


@pytest.mark.parametrize(("name", "value", "expected"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS])
def test_f02_the_form_of_a_secret_is_looked_at(name: str, value: str, expected: str) -> None:
    """What is trimmed counts; what has blanks inside, or is no key at all, is told before anybody uses it."""
    assert codes({name: value}) == expected


ROLES = [
    ((SIGNING, FALLBACK), "warning:rotation-of-none"),
    (("CRON_SECRET", "CRON_SECRET_PREVIOUS"), "warning:rotation-of-none"),
    ((EVENT, SIGNING), "error:same-secret"),
    ((EVENT, "CRON_SECRET"), "error:same-secret"),
    ((SIGNING, "CRON_SECRET"), "error:same-secret"),
    ((FALLBACK, "CRON_SECRET_PREVIOUS"), "error:same-secret"),
]


@pytest.mark.parametrize(("names", "expected"), ROLES)
def test_a_secret_opens_one_door(names: tuple[str, str], expected: str) -> None:
    """The same one in two roles is an error; in a rotation it is one that changes nothing."""
    assert codes({names[0]: HEX, names[1]: f"{HEX} "}) == expected


@pytest.mark.parametrize("form", ["{}", "signkey-test-{}", "signkey-branch-{}\n"])
def test_a_signing_key_is_the_same_secret_in_every_form(form: str) -> None:
    """The engine takes it without its prefix and in either case of letters, so neither makes another secret of it."""
    mine = {SIGNING: form.format(HEX.upper())}
    assert codes(mine | {"CRON_SECRET": HEX}) == "error:same-secret"
    assert codes(mine | {EVENT: HEX}) == "error:same-secret"
    assert codes(mine | {FALLBACK: HEX}) == "warning:rotation-of-none"
    assert codes(mine | {FALLBACK: OTHER, "CRON_SECRET": CRON}) == ""


def test_i5_a_key_that_names_another_environment_is_refused() -> None:
    """By its prefix: production's elsewhere, and others' in production."""
    mine = {SIGNING: f"signkey-prod-{HEX}"}
    other = {FALLBACK: f"signkey-test-{HEX}"}
    assert codes(mine, PREVIEW) == "error:key-of-another-environment"
    assert codes({SIGNING: f"signkey-production-{HEX}"}, DEVELOPMENT) == "error:key-of-another-environment"
    assert codes(other, PRODUCTION) == "error:key-of-another-environment"
    assert codes(mine, PRODUCTION) == codes(other, PREVIEW) == ""


def test_who_may_be_production_is_told_how_to_say_so() -> None:
    """On a host that does not tell, the key may be right, and TICKOVER_ENV missing."""
    found = examine(DEVELOPMENT, {SIGNING: f"signkey-prod-{HEX}"}, frozenset())
    assert "TICKOVER_ENV=production" in found[0].remedy
    sure = examine(resolve({"TICKOVER_ENV": "development"}), {SIGNING: f"signkey-prod-{HEX}"}, frozenset())
    assert "TICKOVER_ENV=production" not in sure[0].remedy


@pytest.mark.parametrize("form", [HEX, HEX.upper(), f"signkey-test-{HEX}", f" signkey-branch-{HEX}\n"])
def test_i5_productions_key_is_recognised_in_every_form(form: str) -> None:
    """The engine takes it without its prefix and in either case of letters, so neither hides it."""
    known = frozenset({fingerprint(f"signkey-prod-{HEX}")})
    assert codes({SIGNING: form}, PREVIEW, known) == "error:production-key"
    assert codes({FALLBACK: form}, DEVELOPMENT, known) == "error:production-key"
    assert codes({SIGNING: OTHER}, PREVIEW, known) == ""


def test_i5_productions_event_key_is_recognised() -> None:
    """It has no form that says whose it is, so its fingerprint does."""
    known = frozenset({fingerprint("the-event-key")})
    assert codes({EVENT: "the-event-key\n"}, PREVIEW, known) == "error:production-key"
    assert codes({EVENT: "The-event-key"}, PREVIEW, known) == ""
    assert codes({EVENT: "the-event-key"}, PRODUCTION, known) == ""


def test_production_is_told_of_fingerprints_that_miss_a_key() -> None:
    """After a rotation previews would not know the new one."""
    known = frozenset({fingerprint(HEX)})
    assert codes({SIGNING: HEX, EVENT: "new"}, PRODUCTION, known) == "warning:fingerprints-stale"
    assert codes({SIGNING: HEX}, PRODUCTION, known) == codes({EVENT: "new"}, PRODUCTION) == ""


def test_a_fingerprint_is_of_sixteen_hex_digits() -> None:
    """It differs from key to key, and a list of them is read in whatever case and with blanks."""
    one, other = fingerprint(HEX), fingerprint(OTHER)
    assert one != other
    assert read_fingerprints(f" {one.upper()},{other} ,,") == (frozenset({one, other}), [])
    assert read_fingerprints("") == (frozenset(), [])
    assert read_fingerprints(f"{one},{HEX},x") == (frozenset({one}), [HEX, "x"])


def test_f03_variables_that_were_trimmed_are_named() -> None:
    """Each once, by its name; those that are blank altogether count as unset."""
    found = examine_blanks(
        {"CRON_SECRET": f"{CRON}\n", "TICKOVER_ENV": " test", "REDIS_URL": "redis://x", SIGNING: " "}
    )
    assert [(contradiction.code, contradiction.text.split()[0]) for contradiction in found] == [
        ("trimmed", "CRON_SECRET"),
        ("trimmed", "TICKOVER_ENV"),
    ]
    assert CRON not in str(found)


SECRET = st.text(alphabet="0123456789abcdef", min_size=12, max_size=40)
FORM = st.sampled_from(
    ["{}", "{}\n", "signkey-prod-{}", "signkey-test-{}", "signkey-{}-00", "signkey-{}", "x {}", "{}g"]
)


@settings(max_examples=400)
@given(
    st.dictionaries(st.sampled_from(SECRETS), st.tuples(SECRET, FORM)),
    st.sampled_from(["", "production", "preview:x", "development"]),
    st.booleans(),
)
def test_no_text_shows_a_secret(held: dict[str, tuple[str, str]], said: str, is_known: bool) -> None:
    """Whatever is wrong with it, and whatever form it has."""
    variables = {name: form.format(secret) for name, (secret, form) in held.items()} | {"TICKOVER_ENV": said}
    if is_known:
        variables["TICKOVER_PRODUCTION_KEYS"] = ",".join(secret for secret, _ in held.values())  # a fault of its own
    verdict = judge(Facts(resolve(variables), variables, variables))
    shown = "\n".join(f"{found.text} {found.remedy}" for found in verdict.contradictions)
    assert [secret for secret, _ in held.values() if secret in shown] == []
