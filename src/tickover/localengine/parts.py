"""The parts of a running engine that its routes use."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tickover.localengine.faults.faults import Faults
from tickover.localengine.options import EngineOptions
from tickover.localengine.reception import Reception
from tickover.localengine.registry import Registry
from tickover.localengine.store import EngineStore


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts of a running engine that its routes use. `stamp` is the time that it claims to be."""

    options: EngineOptions
    store: EngineStore
    registry: Registry
    reception: Reception
    faults: Faults
    stamp: Callable[[], datetime]
