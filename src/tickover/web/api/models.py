"""What the API takes and gives, as its OpenAPI document describes it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from tickover.web.access.people import LONGEST_NAME, Role

Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$"),
]
"""A text that has to say something."""

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f]*$")
]


class Model(BaseModel):
    """Names in camel case, on the wire; read from the objects that hold the figures."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class Act(Model):
    """Something that is to be done."""

    reason: Text = Field(description="why; it is kept, and shown")
    by: Name | None = Field(None, description="who asks for it; the role of the token where nobody is named")

    def name(self, role: Role) -> str:
        """Whom the act is recorded under."""
        return f"{self.by or role} over the API"


class Advance(Act):
    """One step forward."""

    override: bool = Field(default=False, description="go on although the gates do not pass; this is kept, and shown")


class Problem(BaseModel):
    """What was wrong, and what to do (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


class Whoami(Model):
    """Who calls."""

    role: Role


class Gate(Model):
    """One thing that is asked before a function goes on."""

    name: str
    verdict: Literal["pass", "fail", "inconclusive"]
    seen: str
    missing: str | None = None


class Override(Model):
    """Somebody went on against the evidence."""

    at: datetime
    by: str
    reason: str
    before: str | None = Field(alias="from")
    after: str | None = Field(alias="to")


class Standing(Model):
    """Where a function stands, and what speaks for and against its next step."""

    route: str
    function: str
    seen_at: datetime | None
    in_force: str
    why: str
    is_set: str | None = Field(alias="set")
    version: int
    by: str | None
    since: datetime | None
    held: bool
    auto: bool
    verdict: str | None
    gates: list[Gate]
    breach: str | None
    overrides: list[Override]


class Rollout(Model):
    """Every function."""

    functions: list[Standing]


class HalfDone(Model):
    """A run that the engine had begun and not ended."""

    function: str
    dispatch_key: str
    done: Any


class RolledBack(Model):
    """Functions that were rolled back."""

    functions: list[str]
    since: datetime
    withdrawn: int
    half_done: list[HalfDone]
