"""What whoever looks at the queue from outside needs, in one place: pages, acts, clients, and what carries acts on."""

from tickover.database import Database
from tickover.isolation.guard import Gate
from tickover.jobs.acts import JobActs
from tickover.jobs.bulk import BulkActs
from tickover.jobs.bulk_runner import BulkRunner
from tickover.jobs.clients import ClientQueues
from tickover.jobs.masking import mask
from tickover.jobs.queue import JobQueue
from tickover.settings import JobSettings


class JobDesk:
    """The queue, as operators see it.

    Args:
        database: where it stands.
        gate: asked before acts are carried on in the background; whoever begins one asks it too.

    Attributes:
        queue: pages, counts, one job and its attempts.
        acts: what is done to single jobs.
        bulk: what is done to all that match a filter.
        runner: carries that on in this process, once it is urged.
        clients: who waits how long.

    Raises:
        SettingsError: `TICKOVER_MASKED_FIELDS`, or how long jobs are kept, is malformed.
    """

    def __init__(self, database: Database, gate: Gate) -> None:
        self.queue = JobQueue(database)
        self.acts = JobActs(database)
        self.bulk = BulkActs(database)
        self.runner = BulkRunner(self.bulk, gate)
        self.clients = ClientQueues(database)
        self._marked = frozenset(JobSettings.read().masked_fields)

    def shown(self, payload_json: str) -> str:
        """A payload as it may be shown: marked fields are masked."""
        return mask(payload_json, self._marked)
