"""The chain of a tick, from facts alone: each link broken once, their order, and that one is the answer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover import Function, Responsibility, Run, Summary
from tickover.ledger.facts import Refusal
from tickover.ticks.findings import REMEDIES
from tickover.verify.chain import SEND_REMEDIES, walk, walk_without_tick
from tickover.verify.facts import (
    Deployment,
    EngineEvent,
    EngineFacts,
    EngineRun,
    Facts,
    ObligationRow,
    ResponsibilityRow,
    StatusFacts,
    TickRow,
)
from tickover.verify.links import Link, Verdict, after_the_break, broken, first_broken, not_needed, ok, unknown

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CAME = NOW - timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
SERVED = "https://we.example/api/inngest"
CALLED = f"{SERVED}?fnId=app-maintain&step=step"
ORDER = [
    "cron authenticated",
    "environment allowed",
    "recorded",
    "send",
    "event known to the engine",
    "deduplicated",
    "function registered at the URL we serve",
    "call reached us",
    "signature accepted",
    "claim won",
    "responsibility prune",
    "result recorded",
    "status written",
]


async def _body(_: Run) -> Summary:
    return Summary()


FUNCTION = Function("maintain", "background/maintenance.requested", (Responsibility("prune", _body),))
TICK = TickRow("k", "r", None, "clock", "dispatch", "F is on", ["e1"], None, CAME)
DONE = ObligationRow(
    function="maintain", state="succeeded", path="durable", run_id="run-1", attempt=1, lease_expires_at=None,
    start_by=CAME + 3 * MINUTE, finish_by=NOW, started_at=CAME, error=None, fenced_off=0, accepted=True, durable=True,
    held=False, late=False, covered_key=None, covered_path=None, covered_started_at=None, busy_key=None,
    busy_until=None,
)  # fmt: skip
WAITS = replace(
    DONE, state="accepted", path=None, run_id=None, attempt=0, finish_by=None, started_at=None, durable=False
)
LATE = replace(WAITS, late=True)
RECOVERED = replace(DONE, path="recovery", run_id=None, durable=False)
EVENT = EngineEvent("e1", known=True, name=FUNCTION.event, runs=(EngineRun("run-1", "Completed"),), earlier=())
NO_RUN = replace(EVENT, runs=())
QUEUED = replace(EVENT, runs=(EngineRun("run-1", "Queued"),))
RAN = ResponsibilityRow("maintain", "prune", "durable", 1, 12.5, 3, None)
WELL = Facts(
    NOW,
    TICK,
    (FUNCTION,),
    {"maintain": DONE},
    (RAN,),
    (),
    Deployment("app", dev_mode=False, engine_url=None, served_at=SERVED),
    EngineFacts("https://api.inngest.com", events={"e1": EVENT}, functions={"app-maintain": CALLED}),
    StatusFacts("redis", {"maintain": CAME}, 86_400),
)


def engine(event: EngineEvent | None = EVENT, functions: dict[str, str] | None = None) -> EngineFacts:
    """What the engine tells of the event; by default the function is registered where it is served."""
    events = {} if event is None else {"e1": event}
    known = {"app-maintain": CALLED} if functions is None else functions
    return replace(WELL.engine, events=events, functions=known)


def with_(row: ObligationRow = DONE, **changes: Any) -> Facts:
    """The facts of a tick that went well, but for this."""
    return replace(WELL, obligations={"maintain": row}, **changes)


def refusal(cause: str, detail: str = "seen") -> Refusal:
    """The engine's calls are refused for this cause."""
    return Refusal("engine", cause, detail, 7, CAME + MINUTE, NOW)


def failed(kind: str, **more: Any) -> TickRow:
    """A tick whose send failed."""
    return replace(TICK, mode="fallback", event_ids=[], error={"kind": kind, "httpStatus": None, "detail": "d"} | more)


def the(facts: Facts) -> Link:
    """The first broken link."""
    found = first_broken(walk(facts))
    assert found is not None, [(link.name, str(link.verdict), link.seen) for link in walk(facts)]
    return found


def named(facts: Facts, name: str) -> Link:
    """The link of that name."""
    return next(link for link in walk(facts) if link.name == name)


def test_the_links_stand_in_their_order_and_all_hold_for_a_tick_that_went_well() -> None:
    """From cron to the status; what all functions share names none."""
    links = walk(WELL)
    assert [link.name for link in links] == ORDER
    assert {link.verdict for link in links} == {Verdict.OK}
    assert [link.function for link in links] == [None] * 4 + ["maintain"] * 9


FELL_BACK = replace(RECOVERED, path="fallback")
BREAKS: list[tuple[str, str, Facts]] = [
    ("environment allowed", "set INNGEST_EVENT_KEY", with_(FELL_BACK, tick=failed("unconfigured"))),
    ("environment allowed", "set INNGEST_SIGNING_KEY", with_(LATE, refusals=(refusal("no-signing-key"),))),
    (
        "environment allowed",
        "set INNGEST_SIGNING_KEY",
        with_(LATE, deployment=replace(WELL.deployment, has_signing_key=False)),
    ),
    (
        "environment allowed",
        "unset INNGEST_DEV",
        with_(LATE, deployment=replace(WELL.deployment, dev_mode=True, engine_url="https://api.inngest.com")),
    ),
    ("recorded", "--app", replace(WELL, obligations={})),
    ("recorded", "--app", replace(WELL, functions=())),
    *(
        ("send", SEND_REMEDIES[kind], with_(FELL_BACK, tick=failed(kind)))
        for kind in SEND_REMEDIES
        if kind != "unconfigured"
    ),
    ("send", "host's log", with_(replace(WAITS, state="owed"), tick=replace(TICK, event_ids=[]))),
    (
        "event known to the engine",
        "another engine or environment",
        with_(LATE, engine=engine(EngineEvent("e1", known=False, why="404"))),
    ),
    ("function registered at the URL we serve", "sync", with_(WAITS, engine=engine(NO_RUN, {"other": "x"}))),
    (
        "function registered at the URL we serve",
        f"tickover sync {SERVED}",
        with_(LATE, engine=engine(QUEUED, {"app-maintain": "https://evil.example/api/inngest"})),
    ),
    ("function registered at the URL we serve", "sync", with_(LATE, engine=engine(NO_RUN))),
    (
        "function registered at the URL we serve",
        "sync",
        with_(LATE, engine=replace(engine(NO_RUN), functions=None)),
    ),
    (
        "function registered at the URL we serve",
        REMEDIES["engine", "unknown-function"],
        with_(LATE, refusals=(refusal("unknown-function", "calls for 'app-maintain', which is not served here"),)),
    ),
    ("call reached us", "reaches", with_(LATE, engine=engine(QUEUED))),
    ("call reached us", "reaches", with_(RECOVERED, engine=replace(engine(None), why_not="away", functions=None))),
    ("call reached us", "start_by", with_(RECOVERED)),
    (
        "call reached us",
        "DATABASE_URL",
        with_(LATE, engine=engine(replace(EVENT, runs=(EngineRun("r", "Failed", "no tick 'k' is recorded here: …"),)))),
    ),
    (
        "call reached us",
        "two deployments",
        with_(LATE, engine=engine(replace(NO_RUN, earlier=(EngineRun("run-0", "Completed"),)))),
    ),
    *(
        ("signature accepted", REMEDIES["engine", cause], with_(LATE, refusals=(refusal(cause),), engine=engine(None)))
        for cause in ("signature", "unsigned", "server-kind")
    ),
    (
        "signature accepted",
        "INNGEST_SIGNING_KEY",
        with_(LATE, engine=engine(replace(EVENT, runs=(EngineRun("r", "Failed", "invalid status code: 401"),)))),
    ),
    (
        "claim won",
        "whoever ends next",
        with_(replace(LATE, busy_key="other", busy_until=NOW), tick=replace(TICK, mode="inline", event_ids=[])),
    ),
    ("claim won", "end of a process", with_(LATE, tick=replace(TICK, mode="inline", event_ids=[]))),
    (
        "responsibility prune",
        "the engine tries again",
        with_(replace(DONE, state="retrying"), runs=(replace(RAN, error="OSError: disk full"),)),
    ),
    (
        "responsibility prune",
        "deliver the tick again",
        with_(replace(DONE, state="failed"), runs=(replace(RAN, error="OSError: disk full"),)),
    ),
    ("result recorded", "end of a process", with_(replace(DONE, state="running", held=False), runs=())),
    ("result recorded", "end of a process", with_(replace(RECOVERED, attempt=2), engine=engine(QUEUED))),
    ("result recorded", "deliver the tick again", with_(replace(DONE, state="failed", error="gone"), runs=())),
    ("result recorded", "deliver the tick again", with_(replace(DONE, state="interrupted", late=True), runs=())),
    ("status written", "check REDIS_URL", with_(status=StatusFacts("ledger", {}, 86_400))),
    ("status written", "evicts keys", with_(status=StatusFacts("redis", {}, 86_400))),
]


@pytest.mark.parametrize(("name", "remedy", "facts"), BREAKS, ids=[f"{b[0]}-{n}" for n, b in enumerate(BREAKS)])
def test_each_link_that_breaks_is_named_with_its_remedy(name: str, remedy: str, facts: Facts) -> None:
    """This one is the answer, and what comes after it is not called broken."""
    found = the(facts)
    assert (found.name, remedy in (found.remedy or "")) == (name, True), found
    assert [link.name for link in walk(facts) if link.verdict is Verdict.BROKEN] == [name]


def test_every_link_but_two_can_break() -> None:
    """A tick that is there was let in, and a repeat is no loss; where cron breaks, there is no tick."""
    assert {name for name, _, _ in BREAKS} == set(ORDER) - {"cron authenticated", "deduplicated"}
    kept_out = Refusal("cron", "cron-secret", "wrong-secret", 3, CAME, NOW)
    found = first_broken(walk_without_tick([kept_out]))
    assert found is not None
    assert (found.name, found.remedy) == ("cron authenticated", REMEDIES["cron", "cron-secret"])


def test_f11_a_deduplicated_event_is_no_loss_when_somebody_did_the_work() -> None:
    """Who did it is said; no call was needed, so none is missed."""
    repeat = engine(replace(NO_RUN, earlier=(EngineRun("run-0", "Completed"),)))
    covered = replace(WAITS, state="covered", covered_key="k2", covered_path="inline", covered_started_at=CAME)
    for row, who in ((RECOVERED, "the recovery path"), (covered, "the inline run of k2")):
        facts = with_(row, engine=repeat)
        assert first_broken(walk(facts)) is None
        assert who in named(facts, "deduplicated").seen
        assert "run-0" in named(facts, "deduplicated").seen
        assert named(facts, "call reached us").verdict is Verdict.NOT_NEEDED


def test_an_open_circuit_makes_the_send_not_needed() -> None:
    """The reason is the tick's own, and no link of the engine is asked for."""
    tick = replace(TICK, mode="inline", reason="the circuit is open: 3 sends failed in a row", event_ids=[])
    facts = with_(replace(DONE, path="inline", durable=False), tick=tick)
    assert (named(facts, "send").verdict, named(facts, "send").seen) == (Verdict.NOT_NEEDED, tick.reason)
    assert {named(facts, name).verdict for name in ORDER[4:9]} == {Verdict.NOT_NEEDED}
    assert first_broken(walk(facts)) is None


def test_what_nobody_can_tell_is_unknown_and_says_why() -> None:
    """The engine is away, and the tick may still be carried out: no link is called broken."""
    away = EngineFacts("https://api.inngest.com", "it does not answer")
    facts = with_(WAITS, engine=away)
    assert first_broken(walk(facts)) is None
    assert named(facts, "event known to the engine").verdict is Verdict.UNKNOWN
    assert "it does not answer" in named(facts, "event known to the engine").seen
    assert "until 2026-11-24 11:58:00 UTC" in named(facts, "call reached us").seen


def test_refused_calls_are_not_blamed_where_the_engine_says_it_has_not_called() -> None:
    """Strangers knock at the endpoint too; the run is queued, so none of the refused calls was this tick's."""
    assert the(with_(LATE, engine=engine(QUEUED), refusals=(refusal("unsigned"),))).name == "call reached us"


def test_a_refusal_of_before_the_tick_says_nothing_about_it() -> None:
    """What was refused earlier was another tick's."""
    before = replace(refusal("signature"), last_at=CAME - MINUTE)
    assert the(with_(LATE, engine=engine(QUEUED), refusals=(before,))).name == "call reached us"


def test_an_old_event_that_the_engine_forgot_breaks_nothing() -> None:
    """After a day it need not know it any more."""
    old = replace(TICK, requested_at=NOW - timedelta(hours=25))
    gone = engine(EngineEvent("e1", known=False, why="404"))
    assert named(with_(RECOVERED, tick=old, engine=gone), "event known to the engine").verdict is Verdict.UNKNOWN


def test_each_function_has_a_break_of_its_own() -> None:
    """One fails in its work and one was never called; both are named, in the order of the contract."""
    other = replace(FUNCTION, id="process", event="background/process.requested")
    facts = replace(
        WELL,
        functions=(FUNCTION, other),
        tick=replace(TICK, event_ids=["e1", "e2"]),
        obligations={"maintain": replace(DONE, state="failed"), "process": replace(LATE, function="process")},
        runs=(replace(RAN, error="OSError: disk full"),),
        engine=replace(WELL.engine, functions=None),
    )
    breaks = [(link.function, link.name) for link in walk(facts) if link.verdict is Verdict.BROKEN]
    assert breaks == [("maintain", "responsibility prune"), ("process", "call reached us")]


def test_the_page_has_every_link_in_its_order() -> None:
    """`docs/diagnosis.md` tells when each is broken, and what to do then."""
    page = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text()
    table = page.split("| link |")[1].splitlines()
    names = [row.split("|")[1].strip() for row in table if row.startswith("| ")]
    assert names[1:] == ["responsibility …" if "prune" in name else name for name in ORDER], names


MAKERS = {
    Verdict.OK: lambda name: ok(name, "s"),
    Verdict.BROKEN: lambda name: broken(name, "s", "r"),
    Verdict.UNKNOWN: lambda name: unknown(name, "s"),
    Verdict.NOT_NEEDED: lambda name: not_needed(name, "s"),
}


@given(st.lists(st.sampled_from(list(MAKERS)), max_size=20))
def test_the_first_broken_link_is_the_answer_and_nothing_after_it_is_called_broken(judged: list[Verdict]) -> None:
    """For any verdicts; what holds, or was not needed, stays so, and no link is lost or moved."""
    links = [MAKERS[verdict](str(n)) for n, verdict in enumerate(judged)]
    walked = after_the_break(links)
    assert [(link.name, link.seen) for link in walked] == [(link.name, link.seen) for link in links]
    first = judged.index(Verdict.BROKEN) if Verdict.BROKEN in judged else len(judged)
    assert first_broken(walked) == (links[first] if first < len(judged) else None)
    assert walked[: first + 1] == links[: first + 1]
    assert not {Verdict.BROKEN, Verdict.UNKNOWN} & {link.verdict for link in walked[first + 1 :]}
    kept = [link for link in links[first + 1 :] if link.verdict in {Verdict.OK, Verdict.NOT_NEEDED}]
    assert [link for link in walked[first + 1 :] if link.verdict is not Verdict.NOT_REACHED] == kept


ROWS = st.builds(
    replace,
    st.sampled_from([DONE, WAITS, LATE, RECOVERED]),
    state=st.sampled_from(["owed", "accepted", "running", "retrying", "interrupted", "succeeded", "failed", "covered"]),
    held=st.booleans(),
    late=st.booleans(),
    busy_key=st.sampled_from([None, "other"]),
    covered_path=st.sampled_from([None, "durable", "inline", "recovery"]),
)
TICKS = st.sampled_from(
    [TICK, replace(TICK, event_ids=[]), replace(TICK, mode="inline", event_ids=[]), failed("refused")]
)
EVENTS = st.sampled_from([None, EVENT, NO_RUN, QUEUED, EngineEvent("e1", known=False), EngineEvent("e1", known=None)])
CAUSES = st.lists(st.sampled_from([refusal(cause) for endpoint, cause in REMEDIES if endpoint == "engine"]), max_size=2)


@given(ROWS, TICKS, EVENTS, CAUSES, st.sampled_from([(), (RAN,), (replace(RAN, error="x"),)]))
def test_whatever_is_known_one_link_at_most_is_broken(
    row: ObligationRow,
    tick: TickRow,
    event: EngineEvent | None,
    causes: list[Refusal],
    runs: tuple[ResponsibilityRow, ...],
) -> None:
    """Any row, tick, event, refusals: the links stand in their order, a broken one has a remedy, and it is alone."""
    links = walk(with_(row, tick=tick, engine=engine(event), refusals=causes, runs=runs))
    assert [link.name for link in links] == ORDER
    broken_ones = [link for link in links if link.verdict is Verdict.BROKEN]
    assert len(broken_ones) <= 1
    assert all(link.remedy for link in broken_ones)
    assert all(link.seen for link in links)
