"""Stage and percent from a feature flag service: followed where that is allowed, and never needed."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider
from structlog.testing import capture_logs

from tests.integration.conftest import Probe, Rows, Serve, probe_contract
from tests.integration.rollout.conftest import put
from tickover import Tickover
from tickover.errors import ControlError
from tickover.rollout.controls import Controls
from tickover.rollout.openfeature import SuppliedControls, parse_step
from tickover.rollout.stages import CANARIES, DURABLE, INLINE, SHADOW, Stage, Step
from tickover.settings import Settings

FUNCTIONS = ["process", "maintain"]


class Service(InMemoryProvider):
    """A flag service: what it says, whether it fails, and whether it hangs."""

    def __init__(self) -> None:
        super().__init__({})
        self.fails = False
        self.hangs = threading.Event()
        self.hangs.set()

    def says(self, **flags: str) -> None:
        """Let it say this of these functions."""
        self._flags = {f"tickover.{name}": InMemoryFlag("on", {"on": value}) for name, value in flags.items()}

    def resolve_string_details(self, *arguments: Any, **named: Any) -> Any:
        """As it is asked."""
        self.hangs.wait(20)
        if self.fails:
            raise OSError("the service is away")
        return super().resolve_string_details(*arguments, **named)


@pytest.fixture
def service() -> Iterator[Service]:
    """The service of this test."""
    made = Service()
    api.set_provider(made, domain="tickover-test")
    yield made
    made.hangs.set()
    api.clear_providers()


@pytest.fixture
def client(service: Service) -> OpenFeatureClient:
    """How it is asked."""
    del service
    return api.get_client("tickover-test")


@pytest.fixture
def supplied(controls: Controls, client: OpenFeatureClient) -> SuppliedControls:
    """What a tick reads."""
    return SuppliedControls(controls, client, timeout=20)


async def steps(source: Any) -> Mapping[str, Step | None]:
    """Where both functions stand, as a tick reads it."""
    return {name: control.step for name, control in (await source.read(FUNCTIONS)).items()}


async def test_what_the_service_says_is_stored_and_followed(
    service: Service, supplied: SuppliedControls, controls: Controls, rows: Rows
) -> None:
    """Step by step, each change with its audit row; what nobody has moved begins inline."""
    service.says(process="shadow")
    assert await steps(supplied) == {"process": INLINE, "maintain": None}
    assert (await steps(supplied))["process"] == SHADOW
    service.says(process="canary 40 %")
    assert (await steps(supplied))["process"] == Step(Stage.CANARY, 40)
    service.says(process="durable")
    assert (await steps(supplied))["process"] == DURABLE
    service.says(process="canary 5")
    assert (await steps(supplied))["process"] == CANARIES[0]
    service.says(process="inline")
    assert (await steps(supplied)) == (await steps(controls)) == {"process": INLINE, "maintain": None}
    told = rows("SELECT by, reason FROM tickover.audit WHERE action = 'rollout.supplied' ORDER BY id")
    assert len(told) == 6
    assert told[1] == {"by": "openfeature", "reason": "the flag tickover.process says shadow"}


async def test_a_service_that_fails_means_the_last_stored_value(
    service: Service, client: OpenFeatureClient, supplied: SuppliedControls, controls: Controls
) -> None:
    """Tried: errors, silence, no such flag, and words that nobody understands; each but the third is logged."""
    await put(controls, "process", SHADOW)
    with capture_logs() as logs:
        service.fails = True
        assert (await steps(supplied))["process"] == SHADOW
        service.fails = False
        for word in ("quickly", "canary", "canary 100", "canary -5", "5"):
            service.says(process=word)
            assert (await steps(supplied))["process"] == SHADOW
        service.hangs.clear()
        assert (await steps(SuppliedControls(controls, client, timeout=0.1)))["process"] == SHADOW
        service.hangs.set()
    assert [log["event"] for log in logs].count("openfeature.failed") >= 7


async def test_a_move_that_is_not_allowed_is_not_followed(
    service: Service, supplied: SuppliedControls, controls: Controls
) -> None:
    """From inline to all at once: it stays, and the log says from where it may move to what."""
    await put(controls, "process", INLINE)
    service.says(process="durable")
    with capture_logs() as logs:
        assert (await steps(supplied))["process"] == INLINE
    (told,) = [log for log in logs if log["event"] == "openfeature.not_followed"]
    assert "may not move to durable" in told["reason"]


async def test_i7_the_service_turns_off_no_switch_and_lifts_no_hold(
    serve: Serve, probe: Probe, service: Service, client: OpenFeatureClient, controls: Controls
) -> None:
    """It says durable: forced inline is inline, off is off, and what was rolled back stays where it is."""
    service.says(process="durable", maintain="durable")
    forced = await serve(BACKGROUND_JOBS_USE_INNGEST="true", BACKGROUND_JOBS_FORCE_INLINE="true")
    forced.tickover.handler._planner._controls = SuppliedControls(controls, client)
    assert (await forced.tick("t1")).json()["reason"] == "BACKGROUND_JOBS_FORCE_INLINE is on"
    off = await serve(BACKGROUND_JOBS_USE_INNGEST="false", BACKGROUND_JOBS_FORCE_INLINE="false")
    off.tickover.handler._planner._controls = SuppliedControls(controls, client)
    assert (await off.tick("t2")).json()["mode"] == "inline"
    await off.tickover.rollback.roll_back(FUNCTIONS, "ada", "a test")
    on = await serve(BACKGROUND_JOBS_USE_INNGEST="true")
    on.tickover.handler._planner._controls = SuppliedControls(controls, client)
    assert (await on.tick("t3")).json()["mode"] == "inline"
    assert (await controls.read(FUNCTIONS))["process"].held
    assert len(probe.ran()) == 9


async def test_an_application_names_its_client(
    probe: Probe, client: OpenFeatureClient, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then its ticks ask it."""
    monkeypatch.setenv("DATABASE_URL", database_dsn)
    tickover = Tickover(probe_contract(probe), app_id="probe", settings=Settings.read(), openfeature=client)
    assert isinstance(tickover.handler._planner._controls, SuppliedControls)
    await tickover.close()


@pytest.mark.parametrize(
    ("said", "step"),
    [("", None), (" ", None), ("Shadow", SHADOW), ("canary 5", CANARIES[0]), (" canary  25 %", CANARIES[1])],
)
def test_a_flag_is_read_in_any_case(said: str, step: Step | None) -> None:
    """With blanks around, and with or without the sign of percent."""
    assert parse_step(said) == step


@pytest.mark.parametrize("said", ["canary 0", "canary 100", "canary 999"])
def test_a_share_that_is_none_is_refused(said: str) -> None:
    """None of the ticks, or all of them, is no canary."""
    with pytest.raises(ControlError):
        parse_step(said)
