"""Asking the engine to do a tick's work dry, beside the inline path that does it. Whatever fails harms no tick."""

from collections.abc import Sequence
from dataclasses import replace

import psycopg
import structlog

from tickover.contract import Function
from tickover.errors import SendError
from tickover.rollout.shadows import Shadows
from tickover.ticks.dispatch import Dispatch, Sender, send

_log = structlog.stdlib.get_logger("tickover.ticks")


class Shadowing:
    """Sends the events of shadows.

    Args:
        shadows: where it is kept that they were sent.
        sender: what takes events to the engine.
    """

    def __init__(self, shadows: Shadows, sender: Sender) -> None:
        self._shadows = shadows
        self._sender = sender

    async def shadow(self, dispatch: Dispatch, functions: Sequence[Function]) -> None:
        """Ask for dry runs of a recorded tick's functions. Returns in any case; a failure is logged and kept.

        Args:
            dispatch: what the tick's events would carry.
            functions: those that are done inline here; none, as a rule.
        """
        if not functions:
            return
        key = dispatch.dispatch_key
        try:
            await self._shadows.record(key, {f.id: f.start_by for f in functions})
            try:
                marked = replace(dispatch, is_shadow=True)
                await send(self._sender, marked, functions)
            except SendError as error:
                _log.warning("shadow.not_sent", dispatch_key=key, kind=error.kind, error=error.detail)
                await self._shadows.fail(key, [f.id for f in functions], f"{error.kind}: {error.detail}")
        except psycopg.Error as error:
            _log.warning("shadow.not_recorded", dispatch_key=key, error=str(error).partition("\n")[0])
