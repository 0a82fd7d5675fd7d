"""Who may seal which store."""

import pytest

from tickover.errors import SealError
from tickover.isolation.environment import Environment
from tickover.isolation.kinds import Kind
from tickover.isolation.seal import UNKNOWN, Seal, Sealing, Store, decide_sealing

PRODUCTION = Environment(Kind.PRODUCTION, "production", "a test")
MINE = Environment(Kind.PREVIEW, "fix", "a test")
NONE = Store(identity="1/2")
OWN, OTHERS = Store(Seal("preview", "fix", "1/2"), "1/2"), Store(Seal("production", "production", "1/2"), "1/2")
COPY, OWN_COPY = Store(Seal("production", "production", "1/1"), "1/2"), Store(Seal("preview", "fix", "1/1"), "1/2")

DECISIONS = [  # the store, --adopt, --force, and what is done
    (NONE, False, False, Sealing.SEALED),
    (NONE, True, False, Sealing.SEALED),
    (NONE, False, True, Sealing.SEALED),
    (OWN, False, False, Sealing.KEPT),
    (OWN, True, False, Sealing.KEPT),
    (OWN, True, True, Sealing.KEPT),
    (COPY, True, False, Sealing.ADOPTED),
    (COPY, True, True, Sealing.ADOPTED),
    (COPY, False, True, Sealing.RESEALED),
    (OWN_COPY, True, False, Sealing.ADOPTED),
    (OWN_COPY, False, True, Sealing.RESEALED),
    (OTHERS, False, True, Sealing.RESEALED),
    (OTHERS, True, True, Sealing.RESEALED),
]


@pytest.mark.parametrize(("store", "adopt", "force", "done"), DECISIONS)
def test_i5_what_may_be_sealed_is(store: Store, adopt: bool, force: bool, done: Sealing) -> None:
    """What belongs to nobody; a copy, on purpose; anything, by force."""
    assert decide_sealing(store, MINE, "database", adopt=adopt, force=force) is done


REFUSED = [
    (OTHERS, False, False, "belongs to production; this is preview 'fix'"),
    (OTHERS, True, False, "as the very one that was sealed and no copy"),
    (COPY, False, False, "copy of that of production"),
    (OWN_COPY, False, False, "--adopt"),
    (Store(is_ready=False), False, False, "tickover migrate"),
    (Store(is_ready=False), True, True, "tickover migrate"),
]


@pytest.mark.parametrize(("store", "adopt", "force", "text"), REFUSED)
def test_i5_what_belongs_to_others_is_not_sealed(store: Store, adopt: bool, force: bool, text: str) -> None:
    """Adopting is for copies only, and each refusal says what to do instead."""
    with pytest.raises(SealError, match="tickover") as caught:
        decide_sealing(store, MINE, "database", adopt=adopt, force=force)
    assert text in str(caught.value)


def test_a_seal_names_one_environment() -> None:
    """Kind and name both count; what could not be read is neither sealed nor a copy."""
    assert Seal("preview", "fix").is_of(MINE)
    assert not Seal("preview", "other").is_of(MINE)
    assert not Seal("preview", "fix").is_of(PRODUCTION)
    assert (str(Seal("production", "production")), str(Seal("preview", "fix"))) == ("production", "preview 'fix'")
    assert (UNKNOWN.is_known, UNKNOWN.is_copy, NONE.is_copy, OWN.is_copy, COPY.is_copy) == (
        False,
        False,
        False,
        False,
        True,
    )
