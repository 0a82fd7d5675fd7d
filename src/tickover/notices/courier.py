"""Delivers what is due: claims it, sends it, records it. At least once, across replicas and restarts."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import uuid4

import structlog

from tickover import clock
from tickover.execution.budget import Budget
from tickover.notices.destinations import Destination
from tickover.notices.notice import Delivery, Notice
from tickover.notices.sending import plan
from tickover.notices.store import NoticeStore
from tickover.notices.text import Message, write
from tickover.notices.timing import Timing, retry_at

_log = structlog.stdlib.get_logger("tickover.notices")
_SEND_S = 5.0  # seconds one message may take
_LEAST_S = 0.5  # seconds; with less no message is begun


class Courier:
    """Brings notices to their destinations.

    Args:
        store: where deliveries stand.
        destinations: where they go.
        timing: limits and quiet hours.
        place: which application and environment this is, in words.
        dashboard: the address of the dashboard, or None.
    """

    def __init__(
        self,
        store: NoticeStore,
        destinations: Sequence[Destination],
        timing: Timing,
        place: str,
        dashboard: str | None,
    ) -> None:
        self._store = store
        self._destinations = destinations
        self._timing = timing
        self.place = place
        self._dashboard = dashboard

    @property
    def names(self) -> list[str]:
        """The names of all destinations."""
        return [destination.name for destination in self._destinations]

    async def deliver(self, budget: Budget) -> None:
        """Deliver what is due, to all destinations at the same time, within a budget.

        What is claimed and was not sent in time is due again at once; if this process is killed, after its lease.
        """
        await asyncio.gather(*(self._deliver(destination, budget) for destination in self._destinations))

    async def send_to_all(self, message: Message) -> dict[str, str | None]:
        """Send one message everywhere, whatever the hour; how each failed, or None, by the destination's name."""
        errors = await asyncio.gather(*(destination.send(message, _SEND_S) for destination in self._destinations))
        return dict(zip(self.names, errors, strict=True))

    async def _deliver(self, destination: Destination, budget: Budget) -> None:
        now = clock.now()
        due, sent = await self._store.claim(destination.name, now)
        if not due:
            return
        planned = plan(due, sent, self._timing, now)
        await self._store.hold(planned.held, planned.until)
        notices = {notice.id: notice for notice in await self._store.read([delivery.notice_id for delivery in due])}
        left = list(planned.messages)
        while left and budget.left() >= _LEAST_S:
            deliveries = left.pop(0)
            error = await destination.send(self._write(deliveries, notices), min(_SEND_S, budget.left()))
            if error is not None:
                # What is left would hardly fare better, and may be one message by then.
                await self._failed(destination, [deliveries, *left], error)
                return
            await self._store.sent(deliveries, uuid4(), clock.now())
            _log.info("notice.sent", destination=destination.name, notices=[d.notice_id for d in deliveries])
        unsent = [delivery for deliveries in left for delivery in deliveries]
        await self._store.hold(unsent, [now] * len(unsent))

    def _write(self, deliveries: Sequence[Delivery], notices: Mapping[int, Notice]) -> Message:
        told = [(notices[delivery.notice_id], delivery.kind) for delivery in deliveries]
        return write(told, self.place, self._dashboard, clock.now())

    async def _failed(self, destination: Destination, messages: Sequence[Sequence[Delivery]], error: str) -> None:
        now = clock.now()
        deliveries = [delivery for message in messages for delivery in message]
        attempts = max(delivery.attempts for delivery in deliveries) + 1
        due_at = retry_at(attempts, now)
        abandoned = await self._store.unsent(deliveries, error, due_at, now)
        _log.warning(
            "notice.undelivered",
            destination=destination.name,
            error=error,
            attempts=attempts,
            again_at=due_at.isoformat(),
            remedy="check TICKOVER_NOTICES, and try with `tickover notices test`",
        )
        if abandoned:
            given_up = [delivery.notice_id for delivery in deliveries if delivery.id in abandoned]
            _log.error("notice.abandoned", destination=destination.name, notices=given_up, error=error)
