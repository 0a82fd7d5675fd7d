"""Which environment does this process belong to? Pure: its variables in, one value with its source out.

`TICKOVER_ENV` stands above all. Otherwise the host tells, where it can; a host that does not, or that nobody knows,
counts as development. What each host sets is listed in docs/environments.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from tickover.isolation.hosts import Told, ask_hosts
from tickover.isolation.kinds import Kind

_CAUTION = (Kind.PRODUCTION, Kind.PREVIEW, Kind.DEVELOPMENT, Kind.TEST)  # the later, the less it may do


class Doubt(StrEnum):
    """Why an environment cannot be relied on."""

    MALFORMED = "malformed"
    HOST_DISAGREES = "host-disagrees"
    HOSTS_DISAGREE = "hosts-disagree"


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment of a process.

    Args:
        kind: what it may do.
        name: which one of its kind: `production`, a preview's branch, …
        source: the variables it was taken from, in words.
        host: where it runs, where that is known.
        branch: the commit's branch, where the host tells.
        origin: the URL at which the host serves this environment, where it tells.
        production_origin: the URL at which the host serves production, where it tells.
        limit_s: seconds the host lets a request take, where that is known.
        doubts: why it cannot be relied on, each with what was seen.
    """

    kind: Kind
    name: str
    source: str
    host: str | None = None
    branch: str | None = None
    origin: str | None = None
    production_origin: str | None = None
    limit_s: float | None = None
    doubts: tuple[tuple[Doubt, str], ...] = ()

    @property
    def is_production(self) -> bool:
        """Whether it is production."""
        return self.kind is Kind.PRODUCTION

    @property
    def seal(self) -> str:
        """What a Redis of this environment is sealed with."""
        return f"{self.kind}:{self.name}"

    def __str__(self) -> str:
        """Its kind, and its name where that says more."""
        return self.kind if self.name == self.kind else f"{self.kind} {self.name!r}"


def resolve(variables: Mapping[str, str]) -> Environment:
    """The environment that the variables of a process speak of.

    Args:
        variables: of the process; blanks around values do not count.
    """
    trimmed = {name: value.strip() for name, value in variables.items() if value.strip()}
    told = ask_hosts(trimmed)
    by_host = _by_hosts(told)
    said = trimmed.get("TICKOVER_ENV")
    return by_host if said is None else _by_name(said, by_host, told)


def _by_hosts(told: list[Told]) -> Environment:
    if not told:
        return Environment(Kind.DEVELOPMENT, Kind.DEVELOPMENT, "no host that is known; TICKOVER_ENV is not set")
    speaking = [host for host in told if host.kind is not None]
    if not speaking:
        first = told[0]
        source = f"{first.host} does not tell which environment it runs; TICKOVER_ENV is not set"
        return _of(first, Kind.DEVELOPMENT, source)
    chosen = max(speaking, key=lambda host: _CAUTION.index(host.kind or Kind.TEST))
    environment = _of(chosen, chosen.kind or Kind.DEVELOPMENT, chosen.source)
    kinds = {host.kind for host in speaking}
    if len(kinds) == 1:
        return environment
    seen = "; ".join(f"{host.source} says {host.kind}" for host in speaking)
    return replace(environment, doubts=((Doubt.HOSTS_DISAGREE, seen),))


def _of(told: Told, kind: Kind, source: str) -> Environment:
    name = _name(kind, told.name or told.branch)
    return Environment(kind, name, source, told.host, told.branch, told.origin, told.production_origin, told.limit_s)


def _name(kind: Kind, name: str | None) -> str:
    """Only previews have names of their own unless somebody gave one."""
    return name if kind is Kind.PREVIEW and name else str(kind)


def _of_host(kind: Kind, by_host: Environment) -> str | None:
    """What the host calls an environment of this kind."""
    return by_host.name if by_host.kind is kind else by_host.branch


def _by_name(said: str, by_host: Environment, told: list[Told]) -> Environment:
    """What `TICKOVER_ENV` says: a kind, or `kind:name`."""
    word, _, name = (part.strip() for part in said.partition(":"))
    try:
        kind = Kind(word.lower())
    except ValueError:
        doubt = Doubt.MALFORMED, f"TICKOVER_ENV={said!r}"
        return replace(by_host, kind=Kind.DEVELOPMENT, name=Kind.DEVELOPMENT, source="TICKOVER_ENV", doubts=(doubt,))
    named = name if name and kind is not Kind.PRODUCTION else _name(kind, _of_host(kind, by_host))
    environment = replace(by_host, kind=kind, name=named, source="TICKOVER_ENV", doubts=())
    firm = [host for host in told if host.is_firm and host.kind not in {None, Kind.PRODUCTION}]
    if kind is not Kind.PRODUCTION or not firm:
        return environment
    seen = f"TICKOVER_ENV says production; {firm[0].source} says {firm[0].kind}"
    return replace(environment, doubts=((Doubt.HOST_DISAGREES, seen),))
