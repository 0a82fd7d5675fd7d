"""What a database or a Redis says of the environment it belongs to, and who may write that anew. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from tickover.errors import SealError
from tickover.isolation.environment import Environment


@dataclass(frozen=True, slots=True)
class Seal:
    """The record inside a store.

    Args:
        kind: of the environment it belongs to.
        name: of that environment.
        identity: of the store that was sealed; empty where a store has none that lasts.
    """

    kind: str
    name: str
    identity: str = ""

    def is_of(self, environment: Environment) -> bool:
        """Whether it names this environment."""
        return (self.kind, self.name) == (environment.kind, environment.name)

    def __str__(self) -> str:
        """The environment it names."""
        return self.kind if self.name == self.kind else f"{self.kind} {self.name!r}"


@dataclass(frozen=True, slots=True)
class Store:
    """A store, as it was found.

    Args:
        seal: what stands inside; None where it is not sealed.
        identity: what it is now; a copy keeps the seal and has another identity.
        is_known: whether it could be read at all.
        is_ready: whether it has a place for a seal; a database without the schema has none yet.
    """

    seal: Seal | None = None
    identity: str = ""
    is_known: bool = True
    is_ready: bool = True

    @property
    def is_copy(self) -> bool:
        """Whether what stands inside was written into another store, of which this one is a copy."""
        return self.seal is not None and self.seal.identity != self.identity


UNKNOWN = Store(is_known=False)
"""A store that could not be read, or that there is none of."""


class Sealing(StrEnum):
    """What is to be done to a store that somebody wants to seal; the audit names it so."""

    KEPT = "kept"
    SEALED = "sealed"
    ADOPTED = "adopted"
    RESEALED = "resealed"


def decide_sealing(store: Store, environment: Environment, what: str, *, adopt: bool, force: bool) -> Sealing:
    """Whether a store may be sealed for an environment.

    Args:
        store: as it was found.
        environment: whose it is to be.
        what: the store, in words.
        adopt: it is a copy, which is to belong to this environment.
        force: whatever it is, it is to belong to this environment.

    Raises:
        SealError: it belongs to another environment, or is a copy that nobody has adopted, or is none that could be.
    """
    if not store.is_ready:
        raise SealError(f"the {what} has no place for a seal yet; run `tickover migrate` first")
    if store.seal is None:
        return Sealing.SEALED
    if store.seal.is_of(environment) and not store.is_copy:
        return Sealing.KEPT
    if store.is_copy and adopt:
        return Sealing.ADOPTED
    if force:
        return Sealing.RESEALED
    if store.is_copy:
        raise SealError(
            f"the {what} is a copy of that of {store.seal}; if the copy is meant to be that of {environment}, run "
            "`tickover seal --adopt`"
        )
    very = ", as the very one that was sealed and no copy," if adopt else ""
    raise SealError(
        f"the {what}{very} belongs to {store.seal}; this is {environment}: connect to a {what} of this environment, "
        "or, if nobody else uses this one, run `tickover seal --force`"
    )
