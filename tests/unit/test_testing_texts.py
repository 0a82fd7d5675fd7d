import pytest

from tickover.errors import SettingsError
from tickover.localengine.states import CallOutcome
from tickover.testing import engine
from tickover.testing.databases import database_uri
from tickover.testing.hanging import Hanging, why_hanging
from tickover.testing.marker import LINE, Wishes
from tickover.testing.run import Run

CALL = Hanging("01RUN", "shop-order", "step", 1, True, True, "ship", 500, "boom")  # noqa: FBT003


def marked(*args: object, **kwargs: object) -> pytest.Mark:
    """A mark; not by `pytest.mark`, which knows it only where the plugin is in use."""
    return pytest.Mark("inngest", args, kwargs, _ispytest=True)


def test_the_closest_mark_wins_and_the_others_fill_up() -> None:
    """A test's own mark stands before that of its class or module, option by option."""
    marks = [marked(keys=True, port=1), marked(port=2, app_id="shop")]
    assert Wishes.of(marks) == Wishes(keys=True, port=1, app_id="shop")


@pytest.mark.parametrize(
    ("mark", "said"),
    [(marked(key=True), "(key=True)"), (marked("shop", port=1), "('shop', port=1)")],
)
def test_a_mark_that_is_not_understood_is_refused(mark: pytest.Mark, said: str) -> None:
    """The text says what was given, and what can be."""
    with pytest.raises(SettingsError) as refused:
        Wishes.of([mark])
    assert said in str(refused.value)
    assert "retry_interval" in str(refused.value)


def test_every_option_stands_in_the_line_of_the_mark() -> None:
    """`pytest --markers` leaves none out."""
    assert all(name in LINE for name in Wishes.__dataclass_fields__)


def test_a_completed_run_has_an_output_and_a_failed_one_an_error() -> None:
    """What the function returned, or the message of what it failed with; never both."""
    row = {"id": "01RUN", "function_id": "shop-order", "steps": ["charge"]}
    done = Run.of(row | {"state": "completed", "output": {"message": "thanks"}})
    assert done == Run("01RUN", "shop-order", "Completed", {"message": "thanks"}, None, ("charge",))
    failed = Run.of(row | {"state": "failed", "output": {"message": "boom", "name": "ValueError"}})
    assert (failed.status, failed.output, failed.error) == ("Failed", None, "boom")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "the function is being called and has not answered (attempt 2)"),
        ({"called": False}, "the function waits to be called (attempt 2)"),
        ({"step": "ab" * 20}, "a parallel step is being called"),
        ({"registered": False}, "no application has it registered"),
        ({}, "the newest answer was HTTP 500 about step 'ship': boom"),
        ({"last_status": 0, "last_step": None}, "the newest answer was no answer: boom"),
        ({"last_status": None}, "the application has answered nothing yet"),
        ({"last_error": None, "last_status": 206}, "the newest answer was HTTP 206 about step 'ship'"),
    ],
)
def test_the_text_says_where_a_run_hangs_and_what_was_answered_last(changes: dict[str, object], text: str) -> None:
    """Each state of a call that hangs has its words."""
    call = Hanging(**{name: getattr(CALL, name) for name in Hanging.__dataclass_fields__} | changes)
    said = why_hanging([call], [], 10.0)
    assert said.startswith("not everything came to rest within 10 s:\n- shop-order, run 01RUN: ")
    assert text in said


def test_a_trigger_that_has_not_fired_is_named() -> None:
    """Waiting for it was in vain, and no run can say so."""
    assert "- shop-report: its cron trigger is due" in why_hanging([], ["shop-report"], 0.5)


def test_the_outcomes_that_tell_of_a_step_are_the_engines() -> None:
    """What the statements are given is spelled as the engine spells it."""
    told = {CallOutcome.STEP, CallOutcome.STEP_FAILED, CallOutcome.SLEPT}
    assert set(engine._ENDED_OR_ASLEEP) == told
    assert engine._WOKE == CallOutcome.WOKE


def test_a_database_has_its_servers_uri_but_for_the_name() -> None:
    """Sockets, users and options stay."""
    assert database_uri("postgresql://me@/postgres?host=/tmp/pg", "x") == "postgresql://me@/x?host=/tmp/pg"
    assert database_uri("postgres://me:pw@db:5433/app", "x") == "postgresql://me:pw@db:5433/x"


def test_a_server_that_is_no_uri_is_refused() -> None:
    """The engine's migrations need one; the text does not repeat what may hold a password."""
    with pytest.raises(SettingsError, match="gives a URI") as refused:
        database_uri("host=db password=secret", "x")
    assert "secret" not in str(refused.value)
