"""Sealing a database and a Redis on purpose: all of them, or none."""

from collections.abc import Sequence
from dataclasses import dataclass

from tickover.errors import SealError
from tickover.isolation.environment import Environment
from tickover.isolation.seal import Sealing, Store, decide_sealing
from tickover.isolation.seals import Order, Seals

DATABASE, REDIS = "database", "redis"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants.

    Args:
        environment: whose the stores are to be.
        stores: which, of `database` and `redis`.
        by: who wants it.
        reason: why, for the audit.
        adopt: they are copies, which are to belong to this environment.
        force: whatever they are, they are to belong to this environment.
    """

    environment: Environment
    stores: Sequence[str]
    by: str
    reason: str
    adopt: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a store.

    Args:
        store: which.
        sealing: what was done; None where it could not be asked.
        was: what it belonged to before; None where it was not sealed.
    """

    store: str
    sealing: Sealing | None
    was: str | None = None


async def seal_stores(seals: Seals, wish: Wish) -> list[Outcome]:
    """Seal what is wished, after it is certain that all of it may be.

    Raises:
        SealError: at least one may not be sealed for this environment, and nothing was written; or somebody was faster.
        psycopg.Error: the database cannot be reached.
    """
    found = {DATABASE: await seals.read_database(), REDIS: await seals.read_redis()}
    decided = {name: _decide(wish, name, found[name]) for name in wish.stores}
    refused = [str(decision) for decision in decided.values() if isinstance(decision, SealError)]
    if refused:
        raise SealError("\n".join(refused))
    outcomes = []
    for name, sealing in decided.items():
        if isinstance(sealing, Sealing) and sealing is not Sealing.KEPT:
            await _write(seals, name, Order(wish.environment, sealing, wish.by, wish.reason), found[name])
        seal = found[name].seal
        outcomes.append(
            Outcome(name, sealing if isinstance(sealing, Sealing) else None, None if seal is None else str(seal))
        )
    return outcomes


def _decide(wish: Wish, name: str, store: Store) -> Sealing | SealError | None:
    """What is to be done to a store, or why it may not be; None for one that cannot be asked."""
    if not store.is_known:
        return None
    adopt = wish.adopt and name == DATABASE  # a copy of Redis cannot be told from what it was copied from
    try:
        return decide_sealing(store, wish.environment, name, adopt=adopt, force=wish.force)
    except SealError as error:
        return error


async def _write(seals: Seals, name: str, order: Order, was: Store) -> None:
    write = seals.seal_database if name == DATABASE else seals.seal_redis
    if not await write(order, was):
        raise SealError(f"the {name} was sealed by somebody else meanwhile, or is away; run the command again")
