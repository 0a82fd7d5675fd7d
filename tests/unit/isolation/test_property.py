"""Invariant 5 over random environments: the right environment, or no effect."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, find, given, settings
from hypothesis import strategies as st

from tests.unit.isolation import test_environments as table
from tickover.engine.admission import SyncRequest, admit_sync
from tickover.isolation.environment import Environment, resolve
from tickover.isolation.keys import fingerprint
from tickover.isolation.kinds import Kind
from tickover.isolation.seal import UNKNOWN, Seal, Store
from tickover.isolation.verdict import Facts, Verdict, judge

HEX, OTHER_HEX = "0a1b" * 16, "2c3d" * 16
EVENT, OTHER_EVENT = "the-event-key-of-production", "another-event-key"
FALLBACK_HEX = "4e5f" * 16
NAMED = ",".join(map(fingerprint, (EVENT, HEX, FALLBACK_HEX)))
ROLES = ("INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "INNGEST_SIGNING_KEY_FALLBACK")

HOSTS: list[dict[str, str]] = [
    {}, table.VERCEL, table.VERCEL_PREVIEW, table.VERCEL_STAGING, table.VERCEL_DEV, table.NETLIFY,
    table.NETLIFY_PREVIEW, table.RENDER, table.RENDER_PREVIEW, table.RAILWAY, table.RAILWAY_STAGING, table.RAILWAY_PR,
    table.FLY, table.FLY_REVIEW, table.HEROKU, table.HEROKU_REVIEW, table.HEROKU_CI, table.CLOUD_RUN, table.KUBERNETES,
    table.ACTIONS, {"CI": "1"},
]  # fmt: skip
FIRM = ("VERCEL_PREVIEW", "NETLIFY_PREVIEW", "RENDER_PREVIEW", "RAILWAY_PR", "FLY_REVIEW", "HEROKU_REVIEW", "HEROKU_CI")
ENGINES: list[tuple[dict[str, str], bool]] = [  # variables, and whether they lead to this machine
    ({}, False),
    ({"INNGEST_BASE_URL": "https://api.inngest.com/"}, False),
    ({"INNGEST_BASE_URL": "https://engine.example"}, False),
    ({"INNGEST_BASE_URL": "http://127.engine.example"}, False),
    ({"INNGEST_BASE_URL": "http://[oops"}, False),
    ({"INNGEST_BASE_URL": "http://127.0.0.1:8288\n"}, True),
    ({"INNGEST_DEV": "1\n"}, True),
    ({"INNGEST_DEV": "http://localhost:8288"}, True),
    ({"INNGEST_DEV": "https://engine.example"}, False),
    ({"INNGEST_DEV": "true", "INNGEST_BASE_URL": "https://engine.example"}, False),
    ({"INNGEST_DEV": "off"}, False),
]
SLOW = [HealthCheck.too_slow]  # the first example makes tables of all letters, which a busy machine takes a second for
PADDED = st.sampled_from(["{}", " {}", "{}\n"])
BRANCHES = st.sampled_from(["main", "production", "Production", "PRODUCTION\n", "fix"]) | st.text(max_size=8)
KINDS = st.sampled_from(["production", "preview", "preview:x", "preview:production", "development", "test"])


@dataclass(frozen=True)
class Case:
    """A process, and what is true of it that the code under test is not asked for."""

    variables: dict[str, str]
    production_keys: tuple[str, ...]
    is_named: bool
    is_marked: bool
    engine_is_here: bool
    is_firm: bool
    database: Store
    redis: Store

    @property
    def environment(self) -> Environment:
        """What it is."""
        return resolve(self.variables)

    @property
    def verdict(self) -> Verdict:
        """What it may do."""
        return judge(Facts(self.environment, self.variables, {}, self.database, self.redis))

    @property
    def in_productions_stores(self) -> bool:
        """Whether at least one of its stores is production's own, or a copy."""
        return any(store.seal is not None and store.seal.kind == "production" for store in (self.database, self.redis))

    @property
    def said(self) -> str:
        """What `TICKOVER_ENV` says."""
        return self.variables.get("TICKOVER_ENV", "").strip().lower().partition(":")[0].strip()


@st.composite
def keys(draw: st.DrawFn) -> tuple[dict[str, str], tuple[str, ...], bool]:
    """The keys, which of them are production's, and whether the prefix of one of those says so."""
    held, of_production, is_marked = {}, [], False
    for role, mine, other in zip(ROLES, (EVENT, HEX, FALLBACK_HEX), (OTHER_EVENT, OTHER_HEX, "6a7b" * 16), strict=True):
        whose = draw(st.sampled_from([None, mine, other]))
        if whose is None:
            continue
        prefix = (
            "" if role == ROLES[0] else draw(st.sampled_from(["", "signkey-prod-", "signkey-test-", "signkey-branch-"]))
        )
        value = whose.upper() if role != ROLES[0] and draw(st.booleans()) else whose
        held[role] = draw(PADDED).format(prefix + value)
        if whose == mine:
            of_production.append(role)
            is_marked |= prefix == "signkey-prod-"
    return held, tuple(of_production), is_marked


def stores(identity: str) -> st.SearchStrategy[Store]:
    """A store that cannot be read, is not sealed, is production's, a copy of that, or somebody else's."""
    seals = [Seal(kind, name, identity) for kind, name in (("production", "production"), ("preview", "fix"))]
    known = [Store(identity=identity), *(Store(seal, identity) for seal in seals)]
    copies = [Store(seal, "another") for seal in seals] if identity else []
    return st.sampled_from([UNKNOWN, *known, *copies])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A process of any host, key, engine and store."""
    hosts = draw(st.lists(st.sampled_from(HOSTS), max_size=2))
    variables: dict[str, str] = {}
    for host in hosts:
        variables |= host
    if draw(st.booleans()):
        variables["VERCEL_GIT_COMMIT_REF"] = draw(BRANCHES)
    variables |= draw(st.fixed_dictionaries({}, optional={"TICKOVER_ENV": kinds(), "INNGEST_ENV": BRANCHES}))
    held, of_production, is_marked = draw(keys())
    engine, is_here = draw(st.sampled_from(ENGINES))
    told = draw(st.sampled_from([None, NAMED, f" {NAMED.upper()} ,", "TICKOVER_PRODUCTION_KEYS=1", "yes"]))
    if told is not None:
        variables["TICKOVER_PRODUCTION_KEYS"] = told
    if draw(st.booleans()):
        variables["INNGEST_SERVE_ORIGIN"] = draw(
            st.sampled_from(["https://app.example", "https://x.example/", "http://["])
        )
    is_named = told is not None and NAMED in told.lower()
    is_firm = len(hosts) == 1 and any(hosts[0] == getattr(table, name) for name in FIRM)
    database, redis = draw(stores("1/2")), draw(stores(""))
    return Case(variables | held | engine, of_production, is_named, is_marked, is_here, is_firm, database, redis)


def kinds() -> st.SearchStrategy[str]:
    """What `TICKOVER_ENV` may say."""
    forms: list[Any] = [str, str.upper, "{}\n".format]
    return st.builds(lambda kind, form: form(kind), KINDS, st.sampled_from(forms)) | st.sampled_from(["", "prod", ":x"])


@settings(max_examples=500, suppress_health_check=SLOW)
@given(cases())
def test_i5_productions_keys_leave_no_other_environment(case: Case) -> None:
    """Who is not production and holds one of its keys sends and syncs nothing beyond this machine.

    Where anything tells that the key is production's, nothing is done at all, at whichever engine.
    """
    verdict = case.verdict
    if verdict.environment.is_production or not case.production_keys:
        event("nothing at stake")
        return
    if case.is_named or case.is_marked:
        event("told")
        assert verdict.is_refused
    elif not case.engine_is_here:
        event("not told, and the engine is elsewhere")
        assert verdict.withheld is not None
    else:
        event("not told, and the engine is here")
        return
    asked = SyncRequest("x.example", "", "t=1&s=x", is_genuine=True, url="https://x.example/api/inngest")
    for is_signed_mode in (True, False):
        assert admit_sync(verdict, asked, is_signed_mode=is_signed_mode) is not None


@settings(max_examples=300, suppress_health_check=SLOW)
@given(cases())
def test_i5_productions_stores_are_changed_by_no_other_environment(case: Case) -> None:
    """Who is not production changes nothing where the database or Redis is sealed for it, nor in a copy of either."""
    event(f"at stake: {case.in_productions_stores}, production: {case.environment.is_production}")
    if case.in_productions_stores and not case.environment.is_production:
        assert case.verdict.is_refused


@settings(max_examples=300, suppress_health_check=SLOW)
@given(cases())
def test_i5_only_production_reports_production(case: Case) -> None:
    """`x-inngest-env` is `production` there and nowhere else, and always something that a header takes."""
    verdict = case.verdict
    assert (verdict.engine_environment.strip().lower() == "production") == verdict.environment.is_production
    assert verdict.engine_environment.isascii()
    assert verdict.engine_environment.isprintable()
    assert verdict.engine_environment


@settings(max_examples=300, suppress_health_check=SLOW)
@given(cases())
def test_i5_nobody_is_production_by_accident(case: Case) -> None:
    """It takes a host that says so, or TICKOVER_ENV; and against a host that cannot be it, nothing is done."""
    hosts = ("VERCEL_ENV", "CONTEXT", "RAILWAY_ENVIRONMENT_NAME")
    by_host = any(case.variables.get(name) == "production" for name in hosts)
    if case.environment.is_production:
        assert case.said == "production" or (case.said == "" and by_host)
        if case.is_firm:
            assert case.verdict.is_refused
    if case.said not in {"", *Kind}:
        assert case.verdict.is_refused


@settings(max_examples=300, suppress_health_check=SLOW)
@given(cases(), st.booleans(), st.sampled_from([None, "https://evil.example/api/inngest"]))
def test_i5_production_never_takes_its_origin_from_a_request(case: Case, is_genuine: bool, url: str | None) -> None:
    """Whoever asks, signed or not, by whatever Host: it registers at the origin that is pinned, or not at all."""
    verdict = case.verdict
    if not verdict.environment.is_production:
        return
    asked = SyncRequest("evil.example", "", "t=1&s=x" if is_genuine else None, is_genuine, url)
    event(f"pinned: {verdict.serve_origin is not None}")
    for is_signed_mode in (True, False):
        assert admit_sync(verdict, asked, is_signed_mode=is_signed_mode) is not None


def acts(case: Case) -> bool:
    """Whether it may do everything, at an engine elsewhere."""
    return case.verdict.withheld is None and not case.engine_is_here


def is_preview(case: Case) -> bool:
    """Whether it is a preview."""
    return case.environment.kind is Kind.PREVIEW


REACHED: dict[str, Callable[[Case], bool]] = {
    "a preview with keys of its own acts": lambda case: (
        is_preview(case) and "INNGEST_SIGNING_KEY" in case.variables and acts(case)
    ),
    "a preview with production's keys is refused": lambda case: (
        is_preview(case) and bool(case.production_keys) and case.verdict.is_refused
    ),
    "a preview with production's keys is withheld, and works": lambda case: (
        is_preview(case) and bool(case.production_keys) and not case.verdict.is_refused and not acts(case)
    ),
    "production with its own keys acts": lambda case: (
        case.environment.is_production and bool(case.production_keys) and acts(case)
    ),
}


@pytest.mark.parametrize("what", REACHED)
def test_what_is_right_is_free_and_what_is_wrong_is_tried(what: str) -> None:
    """The properties above are not empty: among their cases is one of each outcome that matters."""
    assert REACHED[what](find(cases(), REACHED[what], settings=settings(max_examples=20_000, phases=[Phase.generate])))
