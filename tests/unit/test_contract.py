from dataclasses import replace
from datetime import timedelta

import pytest

from tickover import Contract, Function, Responsibility, Route, Run, Summary
from tickover.errors import ContractError


async def work(_: Run) -> Summary:
    """Nothing to do."""
    return Summary()


DRAIN = Responsibility("queue-drain", work)
PRUNE = Responsibility("prune", work)
PROCESS = Function("process", "background/process.requested", (DRAIN,))
MAINTAIN = Function("maintain", "background/maintenance.requested", (PRUNE,))
ROUTE = Route("background-jobs", "BACKGROUND_JOBS_USE_INNGEST", ("queue-drain", "prune"), (PROCESS, MAINTAIN))


def test_f01_a_responsibility_that_no_function_carries_is_an_error_at_start() -> None:
    """A first durable function that only drains the queue cannot be rolled out without the rest."""
    with pytest.raises(ContractError, match="owes 'prune', but none of its functions carries it: it would be dropped"):
        Contract((replace(ROUTE, functions=(PROCESS,)),))


def test_f01_work_that_no_route_owes_is_an_error_too() -> None:
    """What is carried and not owed is a slip in one of the two lists."""
    with pytest.raises(ContractError, match="does not owe 'prune'"):
        Contract((replace(ROUTE, owes=("queue-drain",)),))


def test_all_contradictions_are_told_at_once() -> None:
    """Tried together: twice the same event, a bad id, a bad flag, too many retries, no concurrency, no time."""
    broken = replace(MAINTAIN, id="Maintain", event=PROCESS.event, retries=21, concurrency=0, start_by=timedelta())
    with pytest.raises(ContractError) as caught:
        Contract((replace(ROUTE, flag="use inngest", functions=(PROCESS, broken)),))
    text = str(caught.value)
    for part in (
        "'Maintain' is not kebab-case",
        "requests 2 functions",
        "'use inngest'",
        "retries",
        "concurrency",
        "start_by",
    ):
        assert part in text


def with_every(function: Function, every: timedelta) -> Function:
    """The same, with its first responsibility due so often."""
    first, *others = function.responsibilities
    return replace(function, responsibilities=(replace(first, every=every), *others))


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        (replace(ROUTE, functions=(replace(PROCESS, event="inngest/x"), MAINTAIN)), "reserved"),
        (replace(ROUTE, functions=(replace(PROCESS, event="no slash"), MAINTAIN)), "area/thing"),
        (replace(ROUTE, functions=(PROCESS, MAINTAIN, replace(MAINTAIN, event="a/b"))), "declared 2 times"),
        (replace(ROUTE, functions=(replace(PROCESS, id="all"), MAINTAIN)), "'all' means every function"),
        (replace(ROUTE, owes=(), functions=()), "has no function"),
        (replace(ROUTE, window=timedelta(milliseconds=1)), "at least one second"),
        (replace(ROUTE, owes=(), functions=(replace(PROCESS, responsibilities=()),)), "carries nothing"),
        (replace(ROUTE, functions=(replace(PROCESS, skip_idle=True), MAINTAIN)), "say every=… for it"),
        (replace(ROUTE, functions=(with_every(PROCESS, timedelta(hours=1)), MAINTAIN)), "skip_idle=True"),
        (replace(ROUTE, functions=(with_every(PROCESS, timedelta()), MAINTAIN)), "longer than nothing"),
    ],
)
def test_a_contract_that_contradicts_itself_is_refused(route: Route, fault: str) -> None:
    """Each single fault has its own text."""
    with pytest.raises(ContractError, match=fault):
        Contract((route,))


def test_an_empty_contract_is_refused() -> None:
    """There is nothing to carry out."""
    with pytest.raises(ContractError, match="no route"):
        Contract(())


def test_routes_and_functions_are_found_by_id() -> None:
    """And what is not there is None."""
    contract = Contract((ROUTE,))
    assert contract.route("background-jobs") is ROUTE
    assert contract.function("maintain") is MAINTAIN
    assert (contract.route("x"), contract.function("x")) == (None, None)
