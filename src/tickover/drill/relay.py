"""One address for all replicas, as a load balancer gives: connections in turn, those of a dead replica to the next."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

HOST = "127.0.0.1"
_CHUNK = 64 * 1024
_CONNECTS_WITHIN = 0.5  # seconds


class Relay:
    """Passes TCP connections on to replicas on the loopback interface, in turn.

    Args:
        port: where it listens.
        replicas: their ports.
    """

    def __init__(self, port: int, replicas: Sequence[int]) -> None:
        self.port = port
        self._replicas = list(replicas)
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Future[None]] = {}

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._connected, HOST, self.port)

    async def stop(self) -> None:
        """Listen no more, and close what is open."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.close()
        await asyncio.gather(*self._open.values())

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replica = await self._replica()
        if replica is None:
            writer.close()
            return
        from_replica, to_replica = replica
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open |= {writer: over, to_replica: over}
        with suppress(OSError):
            await asyncio.gather(_copy(reader, to_replica), _copy(from_replica, writer))
        over.set_result(None)
        del self._open[writer], self._open[to_replica]

    async def _replica(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to the replica whose turn it is, or to the next that lives."""
        for _ in range(len(self._replicas)):
            self._replicas.append(self._replicas.pop(0))
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CONNECTS_WITHIN):
                    return await asyncio.open_connection(HOST, self._replicas[-1])
        return None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()
