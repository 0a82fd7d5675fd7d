"""May this process act where it stands? Pure: everything that is known in, one verdict with all contradictions out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tickover.isolation.contradiction import Contradiction, Severity, error, warning, withheld
from tickover.isolation.engine import Engine, engine_of, host_of
from tickover.isolation.environment import Doubt, Environment
from tickover.isolation.keys import KEYS, examine, examine_blanks, read_fingerprints
from tickover.isolation.kinds import Kind
from tickover.isolation.seal import UNKNOWN, Store

PRODUCTION = "production"
"""What production's environment is called at the engine, whatever its branch (field note R5)."""

_PLAIN = "".join(map(chr, range(0x21, 0x7F)))
_DOUBTS = {
    Doubt.MALFORMED: "write TICKOVER_ENV as production, preview, preview:NAME, development or test",
    Doubt.HOST_DISAGREES: "unset TICKOVER_ENV for this environment of the host; only production may be called so",
    Doubt.HOSTS_DISAGREE: "unset the variables of the host that this is not, or say which it is with TICKOVER_ENV",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a verdict is made from.

    Args:
        environment: of the process.
        variables: of the process, as they came.
        watched: variables whose blanks are told of, with their values as they came.
        database: what the database says.
        redis: what Redis says.
    """

    environment: Environment
    variables: Mapping[str, str]
    watched: Mapping[str, str] = field(default_factory=dict)
    database: Store = UNKNOWN
    redis: Store = UNKNOWN

    def get(self, name: str) -> str | None:
        """A variable, trimmed; None where it is not set, or blank."""
        return self.variables.get(name, "").strip() or None

    @property
    def engine(self) -> Engine:
        """The engine that is configured."""
        return engine_of(self.variables)

    @property
    def production_keys(self) -> frozenset[str]:
        """The fingerprints of production's keys, as far as they were told."""
        return read_fingerprints(self.get("TICKOVER_PRODUCTION_KEYS") or "")[0]

    @property
    def knows_production(self) -> bool:
        """Whether a key that is none of those is not production's: they were told, and all of it can be read."""
        found, others = read_fingerprints(self.get("TICKOVER_PRODUCTION_KEYS") or "")
        return bool(found) and not others


@dataclass(frozen=True, slots=True)
class Verdict:
    """What this process may do.

    Args:
        environment: what it is.
        engine_environment: what it is called at the engine, and what `x-inngest-env` reports.
        serve_origin: where the engine is to call it; None takes the request's own host, which production never does.
        contradictions: all that speak against acting.
    """

    environment: Environment
    engine_environment: str
    serve_origin: str | None
    contradictions: tuple[Contradiction, ...]

    @property
    def is_refused(self) -> bool:
        """Whether it may change nothing, send nothing and sync nothing."""
        return any(found.severity is Severity.ERROR for found in self.contradictions)

    @property
    def withheld(self) -> Contradiction | None:
        """Why nothing may be sent or synced; None where it may."""
        against = (found for found in self.contradictions if found.severity is not Severity.WARNING)
        return next(against, None)

    def as_json(self) -> dict[str, Any]:
        """As a JSON object, the same wherever it is shown."""
        return {
            "environment": {
                "kind": str(self.environment.kind),
                "name": self.environment.name,
                "source": self.environment.source,
                "host": self.environment.host,
            },
            "engineEnvironment": self.engine_environment,
            "serveOrigin": self.serve_origin,
            "mayChange": not self.is_refused,
            "maySend": self.withheld is None,
            "contradictions": [found.as_json() for found in self.contradictions],
        }


def judge(facts: Facts) -> Verdict:
    """The verdict, with all contradictions at once."""
    environment = facts.environment
    contradictions = [
        *(error(doubt, seen, _DOUBTS[doubt]) for doubt, seen in environment.doubts),
        *_engine_environment(facts),
        *_engine(facts),
        *_fingerprints(facts),
        *_origin(facts),
        *examine(environment, facts.variables, facts.production_keys),
        *_stores(facts),
        *examine_blanks(facts.watched),
    ]
    return Verdict(environment, _reported(facts), serve_origin(facts), tuple(contradictions))


def serve_origin(facts: Facts) -> str | None:
    """Where the engine is to call this process, from its variables or its host; never from a request in production."""
    said = facts.get("INNGEST_SERVE_ORIGIN")
    return said.rstrip("/") if said else facts.environment.origin


def _reported(facts: Facts) -> str:
    """What `x-inngest-env` says. Nothing but production ever says production."""
    environment = facts.environment
    if environment.is_production:
        return PRODUCTION
    wanted = facts.get("INNGEST_ENV") or environment.branch or environment.name
    if wanted.lower() == PRODUCTION:
        return str(environment.kind)
    # A header takes no other characters, and a branch may have them, whatever they are encoded in.
    return quote(wanted, safe=_PLAIN, errors="surrogateescape")


def _engine_environment(facts: Facts) -> Iterator[Contradiction]:
    environment, said, branch = facts.environment, facts.get("INNGEST_ENV"), facts.environment.branch
    if environment.is_production:
        if said is not None and said != PRODUCTION:
            yield error(
                "environment-mismatch",
                f"INNGEST_ENV={said!r}, and this is production",
                "set INNGEST_ENV=production for production, or unset it",
            )
    elif said is not None and said.lower() == PRODUCTION:
        yield error(
            "production-environment",
            f"INNGEST_ENV={said!r}, and this is {environment}",
            "unset INNGEST_ENV for this environment, or set it to the commit's branch; if this is production, and its "
            "host does not tell, set TICKOVER_ENV=production",
        )
    elif said is None and environment.kind is Kind.PREVIEW and (branch or environment.name).lower() == PRODUCTION:
        yield error(
            "branch-named-production",
            "the branch of this preview is called production, as production's environment at the engine is",
            "set INNGEST_ENV to another name for this preview, or rename the branch",
        )
    elif said is not None and environment.kind is Kind.PREVIEW and branch is not None and said != branch:
        yield warning(
            "shared-environment",
            f"INNGEST_ENV={said!r}, and the branch is {branch!r}: previews of all branches are one at the engine",
            "unset INNGEST_ENV, or set it to the commit's branch",
        )


def _engine(facts: Facts) -> Iterator[Contradiction]:
    environment, engine = facts.environment, facts.engine
    if environment.is_production:
        if engine.is_dev:
            yield error(
                "dev-mode-in-production",
                "INNGEST_DEV is on in production: calls would not have to be signed",
                "unset INNGEST_DEV, and set both keys",
            )
        return
    keys = [name for name in KEYS if facts.get(name)]
    if engine.is_here or not (keys or engine.is_dev):
        return  # nothing leaves this machine: without a key, and without dev mode, nothing is sent
    named = " and ".join(keys)
    if engine.is_cloud and environment.kind is not Kind.PREVIEW and facts.get("INNGEST_ENV") is None:
        yield withheld(
            "cloud-by-name-only",
            f"this is {environment} ({environment.source}), which talks to Inngest Cloud only when told so by name",
            "set INNGEST_ENV to the environment it is to use there, or INNGEST_DEV for a dev server; if this is "
            "production, set TICKOVER_ENV=production",
        )
    elif keys and not facts.knows_production:
        # A dev server needs no key, and whoever is told one there may be production's engine.
        unset = "unset it, for a dev server needs none, or " if engine.is_dev else ""
        yield withheld(
            "unproven-key",
            f"nothing shows that this is not production's: {named}",
            f"{unset}run `tickover seal --fingerprints` in production, and set the line it prints here too "
            "(TICKOVER_PRODUCTION_KEYS=…)",
        )


def _fingerprints(facts: Facts) -> Iterator[Contradiction]:
    if read_fingerprints(facts.get("TICKOVER_PRODUCTION_KEYS") or "")[1]:
        yield warning(
            "malformed-fingerprints",
            "TICKOVER_PRODUCTION_KEYS is no list of fingerprints, so nobody can tell production's keys by it",
            "set what `tickover seal --fingerprints` prints in production after the `=`: 16 hex digits for each key",
        )


def _origin(facts: Facts) -> Iterator[Contradiction]:
    environment, origin = facts.environment, serve_origin(facts)
    if environment.is_production and origin is None:
        yield warning(
            "no-serve-origin",
            "INNGEST_SERVE_ORIGIN is not set, and the host does not tell production's URL: syncs are refused",
            "set INNGEST_SERVE_ORIGIN to the URL at which the engine reaches production",
        )
    elif not environment.is_production and origin is not None and _same_host(origin, environment.production_origin):
        yield error(
            "production-origin",
            f"{environment} would be registered at production's URL",
            "unset INNGEST_SERVE_ORIGIN for this environment",
        )


def _same_host(one: str, other: str | None) -> bool:
    """Whether two URLs lead to one host, by whatever scheme and port."""
    return other is not None and host_of(one) == host_of(other)


def _stores(facts: Facts) -> Iterator[Contradiction]:
    environment = facts.environment
    for variable, store, what in (("DATABASE_URL", facts.database, "database"), ("REDIS_URL", facts.redis, "Redis")):
        if store.seal is None:
            continue
        code = what.lower()
        if not store.seal.is_of(environment) and not store.is_copy:
            yield error(
                f"foreign-{code}",
                f"{variable} leads to the {what} of {store.seal}, and this is {environment} ({environment.source})",
                f"set {variable} to a {what} of this environment; if this is {store.seal}, say so with TICKOVER_ENV",
            )
        elif store.is_copy:
            yield error(
                f"copied-{code}",
                f"{variable} leads to a copy of the {what} of {store.seal}",
                f"if the copy is meant to be that of {environment}, run `tickover seal --adopt` there",
            )
