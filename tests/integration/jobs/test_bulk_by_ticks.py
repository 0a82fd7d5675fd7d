"""What a process has begun and died over is gone on with by ticks, and by the application's own desk."""

from collections.abc import Callable
from typing import Any

from tests.integration.conftest import Serve
from tests.waiting import eventually
from tickover.jobs.bulk_states import BulkState
from tickover.jobs.filters import JobFilter
from tickover.jobs.new_job import NewJob
from tickover.jobs.states import Act

Rows = Callable[..., list[dict[str, Any]]]

KILL = "UPDATE tickover.job SET state = 'dead', finished_at = now()"
ASKED = JobFilter(kind="a")


async def test_a_look_between_ticks_goes_on_with_what_a_dead_process_left(serve: Serve, rows: Rows) -> None:
    """It is not begun anew: the dead one's place and figures stand."""
    site = await serve()
    desk = site.tickover.desk
    await desk.queue.enqueue_many([NewJob("a", n) for n in range(2500)])
    rows(KILL)
    act = await desk.bulk.start(Act.REQUEUE, ASKED, "ann", "mended")
    rows("UPDATE tickover.bulk_act SET fence = 1, lease_expires_at = now() - interval '1 s'")

    async def is_over() -> bool:
        await site.tickover.watch.once()
        found = await desk.bulk.read(act.id)
        return found is not None and found.is_over

    await eventually(is_over)
    found = await desk.bulk.read(act.id)
    assert found is not None
    assert (found.state, found.done, found.fence >= 2) == (BulkState.DONE, 2500, True)


async def test_the_application_carries_acts_on_and_closes_in_time(serve: Serve, rows: Rows) -> None:
    """Urged after the start; closed, it lets go, and opened again it may be urged again."""
    site = await serve()
    desk = site.tickover.desk
    await desk.queue.enqueue_many([NewJob("a", n) for n in range(2500)])
    rows(KILL)
    act = await desk.bulk.start(Act.DISCARD, ASKED, "ann", "wrong")
    await desk.runner.close()
    desk.runner.open()
    desk.runner.urge()

    async def is_over() -> bool:
        found = await desk.bulk.read(act.id)
        return found is not None and found.is_over

    await eventually(is_over)
    await desk.runner.close()
    assert rows("SELECT state, count(*) FROM tickover.job GROUP BY 1") == [{"state": "discarded", "count": 2500}]
    assert desk.shown('{"token": "hush"}') == '{"token": "•••"}'
