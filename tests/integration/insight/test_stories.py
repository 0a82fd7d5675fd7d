"""One tick and all that became of it."""

from tests.integration.conftest import Probe, Rows, Serve, Site
from tests.integration.insight.conftest import DEAD_ENGINE, accepted, break_down, carried_out, key_of
from tests.integration.test_durable import call
from tickover.insight.stories import Story


async def story_of(site: Site, name: str) -> Story:
    """The story of the tick of that name."""
    story = await site.tickover.insight.stories.read(key_of(name))
    assert story is not None
    return story


async def test_a_tick_that_never_was_has_no_story(serve: Serve) -> None:
    """Nor has one whose key is a part of another's."""
    site = await serve()
    await site.tick("t1")
    for key in ("", "t1", "background-jobs:v1:id:t"):
        assert await site.tickover.insight.stories.read(key) is None


async def test_a_tick_is_told_from_its_row_to_what_each_responsibility_counted(serve: Serve) -> None:
    """In the order in which they ran, and with whose they were."""
    site = await serve()
    answer = (await site.tick("t1")).json()
    story = await story_of(site, "t1")
    assert (story.tick.correlation_id, story.tick.mode) == (answer["correlationId"], "inline")
    assert (story.tick.reason, story.tick.error) == ("BACKGROUND_JOBS_USE_INNGEST is off", None)
    assert [(owed.function, owed.state, owed.path, owed.attempt) for owed in story.obligations] == [
        ("process", "succeeded", "inline", 1),
        ("maintain", "succeeded", "inline", 1),
    ]
    assert [(run.function, run.responsibility, run.summary["changed"]) for run in story.runs] == [
        ("process", "queue-drain", 1),
        ("maintain", "prune", 1),
        ("maintain", "queue-health", 1),
    ]
    assert all(owed.took_s is not None and owed.took_s >= 0 for owed in story.obligations)
    assert (story.is_over, story.is_done) == (True, True)


async def test_an_error_is_told_whole(serve: Serve, probe: Probe) -> None:
    """As long as it is kept, with its lines and its markup."""
    site = await serve()
    error = "no <b>disk</b>\n" + "x" * 800
    break_down(probe, "prune", error)
    await site.tick("t1")
    story = await story_of(site, "t1")
    (failed,) = [run for run in story.runs if run.error]
    assert (failed.responsibility, failed.error) == ("prune", f"RuntimeError: {error}")
    assert story.obligations[1].error == f"prune: RuntimeError: {error}"
    assert (story.is_over, story.is_done) == (True, False)


async def test_a_failed_send_is_told_with_its_cause(serve: Serve) -> None:
    """Beside the work that was done all the same."""
    site = await serve(**DEAD_ENGINE)
    await site.tick("t1")
    story = await story_of(site, "t1")
    assert story.tick.error is not None
    assert (story.tick.error["kind"], story.tick.mode, story.is_done) == ("refused", "fallback", True)


async def test_every_attempt_is_told(serve: Serve, probe: Probe, rows: Rows) -> None:
    """The failed one and the one that went well; what had succeeded was not done again."""
    site = await serve()
    key = await accepted(site, rows, "t1")
    break_down(probe, "prune")
    await call(site, "maintain", key)
    under_way = await story_of(site, "t1")
    assert (under_way.obligations[1].state, under_way.is_over) == ("retrying", False)
    del probe.bodies["prune"]
    await call(site, "maintain", key, attempt=1)
    story = await story_of(site, "t1")
    assert [(run.responsibility, run.attempt, run.error is None) for run in story.runs] == [
        ("prune", 1, False),
        ("queue-health", 1, True),
        ("prune", 2, True),
    ]
    assert (story.obligations[1].run_id, story.obligations[1].path) == ("run-1", "durable")


async def test_what_another_run_did_leads_to_it_and_took_no_time_of_its_own(serve: Serve, rows: Rows) -> None:
    """With the path by which it was done."""
    site = await serve()
    for name in ("covered", "recovered"):
        await accepted(site, rows, name)
    rows("UPDATE tickover.obligation SET start_by = now() - interval '1 s'")
    await site.tickover.watch.once()
    story = await story_of(site, "covered")
    for owed in story.obligations:
        assert (owed.covered_by, owed.covered_path, owed.took_s) == (key_of("recovered"), "recovery", None)
    assert (story.runs, story.is_done) == ([], True)


async def test_what_is_late_is_told_as_late(serve: Serve, rows: Rows) -> None:
    """And no longer, once it was carried out."""
    site = await serve()
    await accepted(site, rows, "t1")
    rows("UPDATE tickover.obligation SET start_by = now() - interval '1 s'")
    assert [owed.late for owed in (await story_of(site, "t1")).obligations] == [True, True]
    await carried_out(site, rows, "t2")
    await site.tickover.watch.once()
    assert [owed.late for owed in (await story_of(site, "t1")).obligations] == [False, False]
