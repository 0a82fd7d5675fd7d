"""Who looks, and what may they do? Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import SecretStr

from tickover.errors import SignInError

LONGEST_NAME = 64


class Role(StrEnum):
    """What somebody may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"


class Right(StrEnum):
    """Something that a role allows."""

    LOOK = "look"
    ACT = "act"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.LOOK}),
    Role.OPERATOR: frozenset({Right.LOOK, Right.ACT}),
}
"""Every right of every role."""

Tokens = Mapping[Role, SecretStr]
"""What lets whoever shows it in, by the role it gives; empty where nobody is let in."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was let in.

    Args:
        name: as they gave it; an act is recorded under it.
        role: what the token they showed gives.
    """

    name: str
    role: Role

    @property
    def may_act(self) -> bool:
        """Whether acts are theirs to do."""
        return Right.ACT in RIGHTS[self.role]


def tidy_name(said: str) -> str:
    """A name that can be shown and kept.

    Raises:
        SignInError: nothing is left of it, or it is longer than 64 characters.
    """
    name = " ".join("".join(each if each.isprintable() else " " for each in said).split())
    if not name:
        raise SignInError("say who you are: what you do here is recorded under that name")
    if len(name) > LONGEST_NAME:
        raise SignInError(f"a name has at most {LONGEST_NAME} characters; this one has {len(name)}")
    return name
