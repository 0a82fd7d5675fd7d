"""Everything that the dashboard reads, in one place."""

from tickover.database import Database
from tickover.insight.days import Days
from tickover.insight.function_days import FunctionDays
from tickover.insight.lists import Lists
from tickover.insight.samples import QueueSamples
from tickover.insight.stories import Stories


class Insight:
    """The ledger and the queue, as a reader sees them.

    Args:
        database: where they stand.

    Attributes:
        days: what became of a route's ticks.
        functions: what functions did.
        lists: of ticks, and of acts that are kept.
        samples: how the queue stood over time.
        stories: single ticks.
    """

    def __init__(self, database: Database) -> None:
        self.days = Days(database)
        self.functions = FunctionDays(database)
        self.lists = Lists(database)
        self.samples = QueueSamples(database)
        self.stories = Stories(database)
