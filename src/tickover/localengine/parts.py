"""The parts of a running engine that its routes use."""

from dataclasses import dataclass
from datetime import datetime

from tickover.localengine.clock import EngineClock
from tickover.localengine.faults.faults import Faults
from tickover.localengine.options import EngineOptions
from tickover.localengine.reception import Reception
from tickover.localengine.registry import Registry
from tickover.localengine.store import EngineStore


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts of a running engine that its routes use."""

    options: EngineOptions
    clock: EngineClock
    store: EngineStore
    registry: Registry
    reception: Reception
    faults: Faults

    def stamp(self) -> datetime:
        """The time that it claims to be."""
        return self.clock.now() + self.faults.skew()
