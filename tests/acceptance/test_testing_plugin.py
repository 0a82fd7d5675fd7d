"""pytest itself, run on small projects of a user's; the examples are those of docs/testing.md, cut out of the page."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
INI = """
[pytest]
addopts = -q -rA --tb=short --strict-markers -p no:cacheprovider
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error
    ignore:Support for class-based:DeprecationWarning
"""
CONFTEST = """
import os
import pytest

pytest_plugins = ["tickover.testing"]


@pytest.fixture(scope="session")
def inngest_postgres():
    return os.environ["SERVER"]
"""
EXAMPLES = dict(re.findall(r"```python\n(# (\w+\.py)\n.*?)```", PAGE.read_text(), re.DOTALL))
EXAMPLES = {name: text for text, name in EXAMPLES.items()}

IMPORTS = """
import asyncio
import os
import threading
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import parse_qsl
from wsgiref.util import request_uri

import fastapi
import httpx
import inngest
import inngest.fast_api
import psutil
import psycopg
import pytest
from inngest._internal import comm_lib, const, server_lib


def function(client, body, **options):
    return client.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="go"), **options)(body)


async def one(ctx):
    return 1
"""
GOOD = """
def wsgi(client, functions):
    # what the SDK's integration of Flask does
    handler = comm_lib.CommHandler(
        client=client, enable_unauthed_sync=None, framework=server_lib.Framework.FLASK, functions=functions,
        streaming=const.Streaming.DISABLE)
    methods = {"POST": handler.post_sync, "PUT": handler.put_sync}

    def app(environ, start_response):
        answer = methods[environ["REQUEST_METHOD"]](comm_lib.CommRequest(
            body=environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])),
            headers={name[5:].replace("_", "-"): text for name, text in environ.items() if name.startswith("HTTP_")},
            public_path=None, query_params=dict(parse_qsl(environ["QUERY_STRING"])), raw_request=environ,
            request_url=request_uri(environ), serve_origin=None, serve_path=None))
        start_response(f"{answer.status_code} -", list(answer.headers.items()))
        return [answer.body_bytes()]

    return app


def test_a_wsgi_application_with_sync_functions(inngest_engine, inngest_client, inngest_app):
    def add(ctx):
        return ctx.step.run("sum", lambda: ctx.event.data["a"] + 1)

    inngest_app(wsgi(inngest_client, [function(inngest_client, add)]))
    [run] = inngest_engine.wait(inngest_engine.send("go", {"a": 1}))
    assert (run.output, run.steps) == (2, ("sum",))


def test_a_whole_asgi_application_that_makes_its_own_client(inngest_engine, inngest_app):
    opened = []

    @asynccontextmanager
    async def lifespan(app):
        opened.append(True)
        yield

    async def body(ctx):
        return opened

    client = inngest.Inngest(app_id="shop")
    app = fastapi.FastAPI(lifespan=lifespan)
    inngest.fast_api.serve(app, client, [function(client, body)], serve_path="/functions")

    @app.post("/orders")
    async def order():
        return await client.send(inngest.Event(name="go"))

    [event] = httpx.post(inngest_app(app, path="/functions").url + "/orders").json()
    [run] = inngest_engine.wait(event)
    assert (run.function, run.output) == ("shop-f", [True])


async def test_an_async_test_may_block(inngest_engine, inngest_client, inngest_app):
    async def body(ctx):
        await asyncio.sleep(0)
        return threading.current_thread() is threading.main_thread()

    inngest_app([function(inngest_client, body)])
    [event] = await inngest_client.send(inngest.Event(name="go"))
    [run] = inngest_engine.wait(event)
    assert run.output is False


@pytest.mark.inngest(keys=True)
def test_keys_go_by_the_machines_clock(inngest_engine, inngest_client, inngest_app, inngest_time):
    inngest_app([function(inngest_client, one)])
    inngest_time.advance(days=1)
    [run] = inngest_engine.wait(inngest_engine.send("go"))
    assert run.status == "Completed"


@pytest.mark.inngest(keys=True, app_id="shop")
def test_keys_sign_both_ways(inngest_engine, inngest_client, inngest_app):
    served = inngest_app([function(inngest_client, one)])
    [event] = inngest_client.send_sync(inngest.Event(name="go"))
    [run] = inngest_engine.wait(event)
    assert (run.status, run.function) == ("Completed", "shop-f")
    assert httpx.post(f"{served.url}{served.path}?fnId=shop-f&stepId=step", json={}, timeout=30).status_code == 401
    assert httpx.post(f"{inngest_engine.url}/e/another-key", json={"name": "go"}, timeout=30).status_code == 401


@pytest.mark.parametrize("time", [1, 2])
def test_isolated_from_the_test_before(time, inngest_engine, inngest_client, inngest_app):
    inngest_app([function(inngest_client, one)])
    assert inngest_engine.runs() == []
    first, again = inngest_engine.send("go", id="order-1"), inngest_engine.send("go", id="order-1")
    [run] = inngest_engine.wait()
    assert inngest_engine.runs(first) == inngest_engine.runs("order-1") == [run]
    assert inngest_engine.wait(again) == []


@pytest.mark.inngest(retry_interval=None)
def test_real_delays_are_passed_by_moving_time(inngest_engine, inngest_client, inngest_app, inngest_time):
    async def body(ctx):
        raise ValueError("boom")

    inngest_app([function(inngest_client, body, retries=1)])
    event = inngest_engine.send("go")
    [waiting] = inngest_engine.wait(event)
    assert waiting.status == "Running"
    before = inngest_time.now()
    inngest_time.advance(timedelta(minutes=1), hours=1)
    assert inngest_time.now() - before >= timedelta(minutes=61)
    [run] = inngest_engine.wait(event)
    assert (run.status, run.error, run.output) == ("Failed", "boom", None)


def test_a_call_that_comes_twice_counts_once(inngest_engine, inngest_client, inngest_app):
    both = asyncio.Barrier(2)

    async def body(ctx):
        await both.wait()  # the first one does not answer before the second one is there
        return ctx.run_id

    inngest_app([function(inngest_client, body)])
    inngest_engine.fault("call-twice", subject="test-f", count=1)
    [run] = inngest_engine.wait(inngest_engine.send("go"))
    assert (run.status, run.output) == ("Completed", run.id)


def test_cron_triggers_fire_on_the_way(inngest_engine, inngest_client, inngest_app, inngest_time):
    daily = inngest_client.create_function(fn_id="f", trigger=inngest.TriggerCron(cron="30 4 * * *"))(one)
    inngest_app([daily])
    assert inngest_engine.wait() == []
    inngest_time.advance(days=2)
    assert [run.status for run in inngest_engine.wait()] == ["Completed", "Completed"]


def test_the_environment_names_the_engine(inngest_engine):
    mine = {name: text for name, text in os.environ.items() if name.startswith("INNGEST_")}
    assert mine == inngest_engine.environment


def test_the_environment_is_as_it_was():
    mine = {name: text for name, text in os.environ.items() if name.startswith("INNGEST_")}
    assert mine == {"INNGEST_ENV": "from-outside"}


def test_the_engine_prints_nothing(inngest_engine, inngest_client, inngest_app, capfd):
    inngest_app([function(inngest_client, one)])
    inngest_engine.send("go")
    inngest_engine.wait()
    assert capfd.readouterr() == ("", "")
"""
BAD = """
def test_hangs(inngest_engine, inngest_client, inngest_app):
    async def body(ctx):
        if ctx.attempt == 0:
            raise ValueError("boom")
        await asyncio.sleep(100)

    inngest_app([function(inngest_client, body)])
    inngest_engine.send("go")
    inngest_engine.wait(within=1)


def test_nothing_is_left_of_a_test_that_failed():
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
    assert [c for c in psutil.Process().net_connections() if c.status == psutil.CONN_LISTEN] == []
    with psycopg.connect(os.environ["SERVER"]) as connection:
        names = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'tickover_testing_%'").fetchall()
    assert len(names) == 1  # the template


def test_unregistered(inngest_engine, inngest_client, inngest_app, inngest_time):
    async def body(ctx):
        await ctx.step.sleep("nap", timedelta(hours=1))

    inngest_app([function(inngest_client, body)])
    inngest_engine.send("go")
    inngest_engine.wait()
    other = inngest_client.create_function(fn_id="other", trigger=inngest.TriggerEvent(event="other"))(one)
    inngest_app([other])
    inngest_time.advance(hours=1)
    inngest_engine.wait(within=0.2)


def test_refused(inngest_client, inngest_app):
    inngest_app([function(inngest_client, one, debounce=inngest.Debounce(period=timedelta(seconds=1)))])


def test_elsewhere(inngest_engine, inngest_app):
    client = inngest.Inngest(app_id="shop", api_base_url="http://127.0.0.1:9")
    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, client, [function(client, one)])
    inngest_app(app)


def test_another_path(inngest_app):
    inngest_app(fastapi.FastAPI())


def test_no_application(inngest_app):
    inngest_app(3)


def test_does_not_start(inngest_app):
    @asynccontextmanager
    async def lifespan(app):
        raise LookupError("no database")
        yield

    inngest_app(fastapi.FastAPI(lifespan=lifespan))


@pytest.mark.inngest(keys=True)
def test_another_key(inngest_engine, inngest_app):
    client = inngest.Inngest(app_id="shop", signing_key="signkey-test-" + "00" * 32)
    app = fastapi.FastAPI()
    inngest.fast_api.serve(app, client, [function(client, one)])
    inngest_app(app)


def test_another_engine(inngest_app):
    app = fastapi.FastAPI()
    app.put("/api/inngest")(lambda: {})  # as an application answers that has registered with an engine somewhere else
    inngest_app(app)


def test_moved_back(inngest_time):
    inngest_time.advance(hours=-1)


def test_no_such_fault(inngest_engine):
    inngest_engine.fault("call-thrice")


@pytest.mark.inngest(keys=True)
def test_send_refused(inngest_engine):
    inngest_engine.event_key = "another"
    inngest_engine.send("go")
"""


def run_pytest(folder: Path, server: str, files: dict[str, str]) -> str:
    """What pytest says of a project."""
    for name, text in ({"pytest.ini": INI, "conftest.py": CONFTEST} | files).items():
        (folder / name).write_text(text)
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "INNGEST"))}
    environment |= {"SERVER": server, "INNGEST_ENV": "from-outside"}
    command = [sys.executable, "-m", "pytest"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=110
    ).stdout


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says of the page's examples, with the page's own conftest.py."""
    return run_pytest(tmp_path_factory.mktemp("examples"), "", EXAMPLES)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> str:
    """What pytest says of tests that are well."""
    return run_pytest(tmp_path_factory.mktemp("good"), postgres, {"test_good.py": IMPORTS + GOOD})


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> str:
    """What pytest says of tests that fail."""
    return run_pytest(tmp_path_factory.mktemp("bad"), postgres, {"test_bad.py": IMPORTS + BAD})


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "conftest.py"])
def test_an_example_of_the_page_passes(examples: str, name: str) -> None:
    """It runs as it stands there, on a PostgreSQL that nobody had to install."""
    assert re.search(rf"^PASSED {name}::", examples, re.MULTILINE), examples


@pytest.mark.parametrize("name", re.findall(r"def (test_\w+)", GOOD))
def test_a_users_test_passes(good: str, name: str) -> None:
    """The test of that name, in the user's project, with warnings as errors."""
    assert re.search(rf"^PASSED test_good.py::{name}\b", good, re.MULTILINE), good
    assert not re.search(rf"^(FAILED|ERROR) test_good.py::{name}\b", good, re.MULTILINE), good


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hangs", r"not everything came to rest within 1 s:"),
        ("hangs", r"test-f, run \w{26}: the function is being called and has not answered \(attempt 2\);"),
        ("hangs", r".*; the newest answer was HTTP 500: "),
        ("unregistered", r"test-f, run \w{26}: the function waits to be called, but no application has it"),
        ("refused", r"the engine refuses what it cannot serve:"),
        ("refused", r"test-f: the local engine knows no debounce"),
        (
            "elsewhere",
            r".*answered 500 when it was asked to register: .*127\.0\.0\.1:9/fn/register.*\nE .*reach http://127",
        ),
        ("another_path", r".*answered 404 when it was asked to register(.*\n)E .*path=…"),
        ("no_application", r"an ASGI or WSGI application, or a list of functions, is expected; not 3"),
        ("does_not_start", r"the application does not start; what it logged says why(.*\n)*.*LookupError: no database"),
        ("another_key", r"the engine refuses the registration with 401: .*signing key"),
        ("another_engine", r"the application registered, but not with this engine"),
        ("moved_back", r"time moves forward only"),
        ("no_such_fault", r"the engine refuses the fault: .*there is no fault 'call-thrice'; there are .*call-twice"),
        ("send_refused", r"the engine answered 401: .*Event key not found"),
    ],
)
def test_a_test_fails_with_a_text_that_says_why(bad: str, name: str, text: str) -> None:
    """Of each thing that can go wrong, the report of that test says what it was, at the test's own line."""
    [report] = re.findall(rf"^_+ test_{name} _+$\n((?:.*\n)*?)(?=^[_=]+ )", bad, re.MULTILINE)
    assert re.search(rf"^E +(.*Error: |- )?{text}", report, re.MULTILINE), report
    assert re.match(r"test_bad\.py:\d+: in test_", report), report


def test_nothing_is_left_of_a_test_that_failed(bad: str, postgres: str) -> None:
    """No thread, socket or database remains after it, and no database after the session."""
    assert "PASSED test_bad.py::test_nothing_is_left_of_a_test_that_failed" in bad, bad
    assert "ERROR test_bad.py" not in bad
    with psycopg.connect(postgres) as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'tickover_testing_%'").fetchall()
    assert left == []
