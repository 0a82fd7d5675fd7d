"""Pages of jobs, capped counts, and what filters offer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tickover import clock
from tickover.database import Database
from tickover.errors import CursorError
from tickover.jobs.filters import NO_CLIENT, JobFilter, cursor_at
from tickover.jobs.looking import Count, Looks, Menus
from tickover.jobs.queue import JobQueue
from tickover.jobs.states import JobState

Rows = Callable[..., list[dict[str, Any]]]

# Three of each state, of two kinds and of two clients and none, an hour apart from the oldest to the newest.
FILL = """
  INSERT INTO tickover.job (kind, client_id, payload, state, run_at, lease_expires_at, created_at, last_error)
  SELECT (ARRAY['send', 'scrape'])[1 + n %% 2], (ARRAY['acme', 'beta', NULL])[1 + n %% 3], '{}', s.state,
    now() + CASE s.state WHEN 'scheduled' THEN interval '1 day' ELSE interval '0' END,
    CASE s.state WHEN 'running' THEN now() + interval '1 hour' END,
    now() - interval '1 hour' * (17 - n), CASE s.state WHEN 'dead' THEN 'Timeout 100%% of_' || n END
  FROM generate_series(0, 17) n CROSS JOIN LATERAL (
    SELECT (ARRAY['dead', 'discarded', 'scheduled', 'queued', 'running', 'succeeded'])[1 + n / 3] AS state) s
"""
ALL = "SELECT id, kind, client_id, state, created_at, last_error FROM tickover.job ORDER BY id DESC"
FILTERS = [
    JobFilter(),
    JobFilter(kind="send"),
    JobFilter(client_id="acme"),
    JobFilter(client_id=NO_CLIENT),
    *[JobFilter(state=state) for state in JobState],
    *[JobFilter(client_id="beta", state=state) for state in JobState],
    JobFilter(older_than=timedelta(hours=9, minutes=30)),
    JobFilter(kind="scrape", state=JobState.QUEUED, older_than=timedelta(hours=6)),
    JobFilter(error="tIMEOUT"),
    JobFilter(error="timeout", state=JobState.DEAD, kind="send"),
    JobFilter(kind="nobody"),
]


def matches(row: dict[str, Any], asked: JobFilter, now: datetime) -> bool:
    """What a filter means."""
    return (
        asked.kind in {None, row["kind"]}
        and (asked.client_id is None or asked.client_id == (row["client_id"] or NO_CLIENT))
        and asked.state in {None, row["state"]}
        and (asked.older_than is None or row["created_at"] <= now - asked.older_than)
        and (asked.error is None or asked.error.lower() in (row["last_error"] or "").lower())
    )


@pytest.mark.parametrize("asked", FILTERS, ids=str)
@pytest.mark.parametrize(("window", "few"), [(50_000, 10_000), (50_000, 0), (15, 0), (15, 2)])
async def test_pages_show_every_job_that_matches_once(
    database: Database, rows: Rows, asked: JobFilter, window: int, few: int
) -> None:
    """Page after page, the newest first, whether few or many are in a state, and however little one look takes in."""
    rows(FILL)
    now = clock.now()
    looks, cursor, seen, looked = Looks(database, window, few), None, list[int](), 0
    while looked == 0 or cursor is not None:
        page = await looks.page(asked, cursor, 2, now)
        assert len(page.rows) <= 2
        assert page.is_cut <= (page.next is not None)
        seen, cursor, looked = seen + [job.id for job in page.rows], page.next, looked + 1
        assert looked < 20
    assert seen == [row["id"] for row in rows(ALL) if matches(row, asked, now)]


async def test_a_look_that_found_too_little_says_where_it_goes_on(database: Database, rows: Rows) -> None:
    """The newest 15 hold no dead letter; the page is empty, cut, and goes on below them."""
    rows(FILL)
    looks = Looks(database, window=15)
    page = await looks.page(JobFilter(error="timeout"), None, 50, clock.now())
    assert (list(page.rows), page.is_cut) == ([], True)
    assert page.next is not None


async def test_a_page_is_not_disturbed_by_jobs_that_arrive(queue: JobQueue, rows: Rows) -> None:
    """The next page goes on where the first one ended, though newer ones stand before both."""
    rows(FILL)
    first = await queue.page(JobFilter(), None, 5)
    await queue.enqueue("send", 1)
    second = await queue.page(JobFilter(), first.next, 5)
    assert [job.id for job in [*first.rows, *second.rows]] == [row["id"] for row in rows(ALL)[1:11]]
    assert (first.is_cut, first.rows[0].payload) == (False, None)


@pytest.mark.parametrize("text", ["%", "_", "100% OF_1", "\\", "'; DROP TABLE tickover.job; --", "{0}", "%(kind)s"])
async def test_what_means_something_in_sql_is_a_text_in_an_error(queue: JobQueue, rows: Rows, text: str) -> None:
    """Wildcards find themselves alone, and nothing is run."""
    rows(FILL)
    rows("INSERT INTO tickover.job (kind, payload, state, last_error) VALUES ('a', '{}', 'dead', 'plain')")
    expected = [row["id"] for row in rows(ALL) if text.lower() in (row["last_error"] or "").lower()]
    for state in (None, JobState.DEAD):
        page = await queue.page(JobFilter(error=text, state=state))
        assert [job.id for job in page.rows] == expected
    assert sum(count.n for count in (await queue.count(JobFilter(error=text))).values()) == len(expected)


@pytest.mark.parametrize("cursor", ["", "abc", "-1", cursor_at(5) + "x", "' OR 1=1"])
async def test_a_forged_cursor_gets_a_clear_error(queue: JobQueue, cursor: str) -> None:
    """Texts that no page has named."""
    with pytest.raises(CursorError, match="begin again without a cursor"):
        await queue.page(JobFilter(), cursor)


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_page_is_bounded(queue: JobQueue, limit: int) -> None:
    """A limit that is none is refused."""
    with pytest.raises(ValueError, match="limit"):
        await queue.page(JobFilter(), None, limit)


async def test_an_empty_queue_has_an_empty_page(queue: JobQueue) -> None:
    """With whatever filter, and no next one."""
    for asked in FILTERS:
        page = await queue.page(asked)
        assert (list(page.rows), page.next, page.is_cut) == ([], None, False)
    assert set((await queue.count(JobFilter())).values()) == {Count(0, is_exact=True)}
    assert await queue.menus() == Menus([], [])


@pytest.mark.parametrize("asked", FILTERS, ids=str)
async def test_jobs_are_counted_by_state(queue: JobQueue, rows: Rows, asked: JobFilter) -> None:
    """Each state that there is, whatever state is asked for, exactly where there are few."""
    rows(FILL)
    now = clock.now()
    any_state = JobFilter(asked.kind, asked.client_id, None, asked.older_than, asked.error)
    found = [JobState(row["state"]) for row in rows(ALL) if matches(row, any_state, now)]
    assert await queue.count(asked, now=now) == {state: Count(found.count(state), is_exact=True) for state in JobState}


async def test_a_count_ends_at_its_cap_and_says_so(queue: JobQueue, rows: Rows) -> None:
    """Two of three, and more; a filter's count over so many that were looked at is a lower bound."""
    rows(FILL)
    counts = await queue.count(JobFilter(), cap=2)
    assert {str(count) for count in counts.values()} == {"2+"}
    assert (await queue.count(JobFilter(kind="nobody"), cap=2))[JobState.DEAD] == Count(0, is_exact=False)
    assert str(Count(10_000, is_exact=False)) == "10,000+"


async def test_filters_offer_the_kinds_and_clients_there_are(queue: JobQueue, rows: Rows) -> None:
    """In the order of their names, and those of limits and quotas too."""
    rows(FILL)
    rows("INSERT INTO tickover.client_quota (client_id, quota) VALUES ('zeta', 3)")
    rows("INSERT INTO tickover.lane (lane, kind, max_running) VALUES (1, 'limited', 3)")
    assert await queue.menus() == Menus(["limited", "scrape", "send"], ["acme", "beta", "zeta"])


@pytest.mark.parametrize("gap", [1, 1000])
async def test_the_newest_job_of_an_age_is_found_by_halves(database: Database, rows: Rows, gap: int) -> None:
    """Wherever it lies among gaps in the ids; before all others there is none."""
    rows(
        "INSERT INTO tickover.job (id, kind, payload, created_at) OVERRIDING SYSTEM VALUE"
        " SELECT n * %s, 'a', '{}', '2026-11-27T00:00Z'::timestamptz + n * interval '1 s'"
        " FROM generate_series(1, 100) n",
        gap,
    )
    midnight = datetime(2026, 11, 27, tzinfo=UTC)
    for seconds in (0, 1, 37, 99, 100, 5000):
        found = rows("SELECT tickover.newest_job_before(%s) AS id", midnight + timedelta(seconds=seconds))
        assert found == [{"id": min(seconds, 100) * gap}]
    assert (await JobQueue(database).page(JobFilter(older_than=timedelta(days=1)), now=midnight)).rows == []
