"""Servers in threads of their own, so that a test may be sync or async, and may block."""

import asyncio
import inspect
import logging
import socket
import threading
from collections.abc import Callable
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, TypeVar
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import uvicorn

from tickover import clock
from tickover.errors import EnvironmentStateError
from tickover.testing.application import Served
from tickover.testing.errors import NotServedError

HOST = "127.0.0.1"
_UNTIL_STARTED = 30.0  # seconds
_UNTIL_CLOSED = 1  # seconds that requests under way get to end
_UNTIL_STOPPED = 15.0  # seconds; an engine gives its calls 5 to end
_T = TypeVar("_T")
_log = logging.getLogger("tickover.testing")


class AsgiServer:
    """An ASGI application, served by an event loop of its own.

    Args:
        app: what to serve; its lifespan is kept.
        name: of its thread.
        port: of the loopback interface; 0 for one that is free.

    Raises:
        NotServedError: it does not start.
        EnvironmentStateError: the port is taken.
    """

    def __init__(self, app: Any, name: str, port: int = 0) -> None:
        self._listening = _listen(port)
        self.url = f"http://{HOST}:{self._listening.getsockname()[1]}"
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_UNTIL_CLOSED)
        self._settled = threading.Event()
        self._server = _Server(config, self._settled)
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name=f"tickover-{name}", daemon=True)
        self._thread.start()
        if not self._settled.wait(_UNTIL_STARTED) or not self._server.started:
            self.stop()
            raise NotServedError(f"the {name} does not start; what it logged says why")

    def call(self, function: Callable[[], _T]) -> _T:
        """Call a function on the server's own thread, and wait for what it returns."""

        async def called() -> _T:
            return function()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(_UNTIL_STARTED)

    def stop(self) -> None:
        """Let requests under way end, then the lifespan, then the thread.

        Raises:
            EnvironmentStateError: it does not end; something blocks it.
        """
        self._server.should_exit = True
        _join(self._thread)
        self._listening.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except SystemExit:  # the lifespan failed, which uvicorn has logged
            pass
        except BaseException:  # noqa: BLE001 - the end of a thread
            _log.exception("%s ended", self._thread.name)
        finally:
            self._settled.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._listening])


class _Server(uvicorn.Server):
    """Uvicorn, which says when it has started, or will not."""

    def __init__(self, config: uvicorn.Config, settled: threading.Event) -> None:
        super().__init__(config)
        self._settled = settled

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._settled.set()


class WsgiServer:
    """A WSGI application, served by the standard library, a thread a request.

    Args:
        app: what to serve.
        name: of its thread.
    """

    def __init__(self, app: Any, name: str) -> None:
        self._server = _Threads((HOST, 0), _Quiet)
        self._server.set_app(app)
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name=f"tickover-{name}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests; those under way get a few seconds to end.

        Raises:
            EnvironmentStateError: it does not end; something blocks it.
        """
        self._server.shutdown()
        self._server.server_close()
        _join(self._thread)
        until = clock.monotonic() + _UNTIL_CLOSED
        for thread in tuple(self._server.handling):
            thread.join(max(0.0, until - clock.monotonic()))


class _Threads(ThreadingMixIn, WSGIServer):
    """A thread a request; one that never ends does not keep the process alive."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        self.handling: set[threading.Thread] = set()
        super().__init__(*arguments)

    def server_bind(self) -> None:
        # Not the parent's, which asks DNS for the name of this machine.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]
        self.setup_environ()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        thread = threading.current_thread()
        self.handling.add(thread)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.handling.discard(thread)


class _Quiet(WSGIRequestHandler):
    """Requests are logged, not printed."""

    timeout = 30  # seconds of silence

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        _log.debug(format, *args)


def serve(app: Any, name: str) -> Served:
    """Serve an ASGI or a WSGI application on a free port of the loopback interface.

    Raises:
        NotServedError: it is neither, or it does not start.
    """
    if not callable(app):
        raise NotServedError(f"an ASGI or WSGI application, or a list of functions, is expected; not {app!r:.80}")
    called = app if inspect.isfunction(app) else type(app).__call__
    return AsgiServer(app, name) if inspect.iscoroutinefunction(called) else WsgiServer(app, name)


def _listen(port: int) -> socket.socket:
    # TCP is named, for asyncio turns off Nagle's delay (40 ms an answer) only where it is.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise EnvironmentStateError(f"port {port} cannot be had: {error.strerror}; stop what has it") from error
    return listening


def _join(thread: threading.Thread) -> None:
    thread.join(_UNTIL_STOPPED)
    if thread.is_alive():
        raise EnvironmentStateError(
            f"{thread.name} has not ended within {_UNTIL_STOPPED:g} s; something in the application blocks its thread"
        )
