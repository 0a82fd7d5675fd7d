"""The parts of a running engine that its routes use."""

from dataclasses import dataclass

from tickover.localengine.options import EngineOptions
from tickover.localengine.registry import Registry
from tickover.localengine.scheduler import Scheduler
from tickover.localengine.store import EngineStore


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts of a running engine that its routes use."""

    options: EngineOptions
    store: EngineStore
    registry: Registry
    scheduler: Scheduler
