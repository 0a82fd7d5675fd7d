"""`tickover check`: every fault of an application is told before it is deployed, each on a line of its own."""

import asyncio
from collections.abc import Callable

import psycopg
import pytest

from tests.conftest import database_uri
from tests.integration.conftest import Probe, Rows, probe_contract
from tests.integration.isolation.conftest import ORIGIN, contents
from tests.integration.verify.conftest import CRON_SECRET, EVENT_KEY, SIGNING_KEY
from tickover import Contract, Function, Job, Responsibility, Route, Tickover, queue_drain
from tickover.migrations import migrate
from tickover.settings import Settings
from tickover.verify.offline import check
from tickover.verify.proof import report
from tickover.verify.proof.lines import Line

RIGHT = {
    "TICKOVER_ENV": "production", "CRON_SECRET": CRON_SECRET, "INNGEST_EVENT_KEY": EVENT_KEY,
    "INNGEST_SIGNING_KEY": SIGNING_KEY, "INNGEST_SERVE_ORIGIN": ORIGIN, "BACKGROUND_JOBS_USE_INNGEST": "true",
    "TICKOVER_HOST_LIMIT": "300",
}  # fmt: skip
Variables = Callable[..., None]


@pytest.fixture
def variables(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Variables:
    """Set the variables of a production that is right, but for these."""

    def put(**others: str) -> None:
        for name, value in ({"DATABASE_URL": database_dsn} | RIGHT | others).items():
            monkeypatch.setenv(name, value)

    return put


def contract() -> Contract:
    """That of the probe application."""
    return probe_contract(Probe())


async def looked_at(make: Callable[[], Contract] = contract) -> dict[str, Line]:
    """Each line by its name; of several with one name the last."""
    lines = await check(lambda: Tickover(make(), app_id="probe", settings=Settings.read()))
    return {line.name: line for line in lines}


def failing(lines: dict[str, Line]) -> list[str]:
    """The names of those that fail, in order."""
    return [name for name, line in lines.items() if line.verdict == "fail"]


async def test_what_is_right_passes_and_nothing_is_sealed(variables: Variables, database_dsn: str) -> None:
    """Every line, with the database at hand; looking at production does not make it production's."""
    variables()
    before = contents(database_dsn)
    lines = await looked_at()
    assert {name: str(line.verdict) for name, line in lines.items()} == dict.fromkeys(
        ("settings", "environment", "contract", "cron secret", "keys", "budgets", "migrations", "handlers",
         "maintenance"), "pass",
    )  # fmt: skip
    assert report.exit_code(list(lines.values())) == report.PROVEN
    assert contents(database_dsn) == before


WRONG = [
    ("cron secret", {"CRON_SECRET": ""}, "set it, there and at cron"),
    ("keys", {"INNGEST_EVENT_KEY": " "}, "set INNGEST_EVENT_KEY"),
    ("budgets", {"TICKOVER_HOST_LIMIT": "60"}, "lower TICKOVER_INLINE_BUDGET"),
    ("setting BACKGROUND_JOBS_USE_INNGEST", {"BACKGROUND_JOBS_USE_INNGEST": "ture"}, "correct it"),
    ("environment: trimmed", {"CRON_SECRET": f"{CRON_SECRET}\n"}, "paste it without the end of the line"),
    ("environment: dev-mode-in-production", {"INNGEST_DEV": "1"}, "unset INNGEST_DEV"),
]


@pytest.mark.parametrize(("name", "others", "remedy"), WRONG, ids=[row[0] for row in WRONG])
async def test_what_is_wrong_fails_on_its_line(
    variables: Variables, name: str, others: dict[str, str], remedy: str
) -> None:
    """That line and no other, with its remedy; the command would end with 1."""
    variables(**others)
    lines = await looked_at()
    assert failing(lines) == [name]
    assert remedy in (lines[name].remedy or "")
    assert report.exit_code(list(lines.values())) == report.WRONG


async def test_every_contradiction_of_a_contract_is_a_line(variables: Variables) -> None:
    """A responsibility that nobody carries, one that is carried twice, an event for two, a function with nothing."""
    variables()

    def make() -> Contract:
        work = Responsibility("prune", Probe())
        functions = (Function("one", "x/y.requested", (work,)), Function("two", "x/y.requested", (work,)))
        idle = Function("three", "x/z.requested", ())
        return Contract((Route("jobs", "JOBS_USE_INNGEST", ("prune", "drain"), (*functions, idle)),))

    found = await check(lambda: Tickover(make(), app_id="probe", settings=Settings.read()))
    seen = [line.seen for line in found if line.name == "contract"]
    assert {line.verdict for line in found if line.name == "contract"} == {"fail"}
    for part in ("'prune' is declared 2 times", "requests 2 functions", "owes 'drain'", "'three' carries nothing"):
        assert [text for text in seen if part in text], (part, seen)


async def test_a_kind_that_waits_without_a_handler_is_told(variables: Variables, rows: Rows) -> None:
    """Jobs that have ended do not count; one that waits would become a dead letter."""
    variables()

    async def handle(_: Job) -> None:
        """Does nothing."""

    def make() -> Contract:
        function = Function("process", "x/y.requested", (Responsibility("drain", queue_drain({"known": handle})),))
        return Contract((Route("background-jobs", "BACKGROUND_JOBS_USE_INNGEST", ("drain",), (function,)),))

    for kind, state in (("known", "queued"), ("forgotten", "queued"), ("over", "succeeded")):
        rows("INSERT INTO tickover.job (kind, payload, state) VALUES (%s, '{}', %s)", kind, state)
    lines = await looked_at(make)
    assert failing(lines) == ["handlers"]
    assert "kind forgotten wait" in lines["handlers"].seen
    few = await check(lambda: Tickover(make(), app_id="probe", settings=Settings.read()), 10)
    assert failing({line.name: line for line in few}) == ["handlers"]
    rows("DELETE FROM tickover.job WHERE kind = 'forgotten'")
    assert failing(await looked_at(make)) == []


async def test_a_database_that_is_not_in_step_is_told(variables: Variables, rows: Rows, postgres: str) -> None:
    """Before the first migration, behind the newest, and migrated by a version that this one does not know."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE not_in_step")
    try:
        dsn = database_uri(postgres, "not_in_step")
        variables(DATABASE_URL=dsn)
        lines = await looked_at()
        assert failing(lines) == ["migrations"]
        assert (lines["migrations"].remedy, str(lines["handlers"].verdict)) == (
            "run `tickover migrate` before the deploy", "not proven",
        )  # fmt: skip
        await asyncio.to_thread(migrate, dsn)
        assert failing(await looked_at()) == []
    finally:
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute("DROP DATABASE not_in_step WITH (FORCE)")
    variables()
    rows("UPDATE tickover.alembic_version SET version_num = '0001'")
    assert failing(await looked_at()) == ["migrations"]
    rows("UPDATE tickover.alembic_version SET version_num = 'of_tomorrow'")
    assert "deploy the version" in ((await looked_at())["migrations"].remedy or "")


async def test_i5_a_foreign_seal_is_told_before_the_deploy(variables: Variables, rows: Rows, database_dsn: str) -> None:
    """Where the database can be asked; and where it cannot, the seals are not proven."""
    rows(
        "INSERT INTO tickover.seal (kind, name, identity, by) "
        "VALUES ('preview', 'fix', tickover.store_identity(), 'a test')"
    )
    variables()
    before = contents(database_dsn)
    assert failing(await looked_at()) == ["environment: foreign-database"]
    assert contents(database_dsn) == before
    variables(DATABASE_URL="postgresql://127.0.0.1:9/away")
    lines = await looked_at()
    assert failing(lines) == []
    assert {name for name, line in lines.items() if line.verdict == "not proven"} == {
        "seals", "migrations", "handlers", "maintenance"
    }  # fmt: skip
