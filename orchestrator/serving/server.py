"""The HTTP server: workflows as an OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import Callable, Sequence
from types import FrameType

import uvicorn

from orchestrator.errors import BadInput, SettingsError
from orchestrator.graph.workflow import Workflow
from orchestrator.serving.app import create_app, endpoint_of
from orchestrator.serving.auth import is_loopback
from orchestrator.serving.endpoint import Endpoint, Provider
from orchestrator.serving.limits.header_timeout import within
from orchestrator.serving.limits.limits import Limits
from orchestrator.types import ANONYMOUS, Principal


def serve(
    application: Provider,
    workflows: Sequence[Workflow],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    index: str = "default",
    anyone: Principal = ANONYMOUS,
    limits: Limits | None = None,
    announce: Callable[[str], None] | None = None,
    log_level: str = "warning",
) -> None:
    """Serve workflows until the process is told to stop (SIGINT, SIGTERM), then let runs finish.

    `announce` receives the address once it takes connections; port 0 is any free one. Runs that are
    not done `limits.grace` seconds after the signal end with the error `shutting_down`.
    The application is closed at the end. Raises SettingsError for an open address without API keys,
    BadInput for one that cannot be bound.
    """
    limits = limits or Limits.of(application.settings.serve)
    if not application.settings.api_keys and not is_loopback(host):
        raise SettingsError(
            f"Serving on {host!r} without an API key would let anyone in.",
            hint="Set an API key, or serve on 127.0.0.1.",
        )
    app = create_app(application, workflows, index=index, anyone=anyone, limits=limits)
    with bind(host, port) as listener:
        config = uvicorn.Config(
            app,
            http=within(limits.headers),
            log_level=log_level,
            # Its lines are written as all others are.
            log_config=None,
            server_header=False,
            ws="none",
            lifespan="on",
            timeout_keep_alive=limits.idle,
            # The runs are stopped first, each with an error its client can read; this is the last resort.
            timeout_graceful_shutdown=int(limits.grace) + 5,
        )
        address = _address(listener)
        server = _Server(config, endpoint_of(app), application)
        server.announce = lambda: announce(address) if announce else None
        server.run(sockets=[listener])


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; BadInput says why there can be none."""
    where = f"{host}:{port}"
    try:
        if not 0 <= port <= 65_535:
            raise OverflowError("A port is a number from 0 to 65535")
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError) as error:
        raise BadInput(f"Cannot serve on {where}: {error}.", hint="Give another --host or --port.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise BadInput(
                f"Port {port} on {host} is in use.", hint="Stop what listens there, or give another --port."
            ) from None
        reason = error.strerror or str(error)
        raise BadInput(f"Cannot serve on {where}: {reason}.", hint="Give another --host or --port.") from None
    return listener


class _Server(uvicorn.Server):
    """A server that ends its runs before its connections, and returns instead of dying of the signal."""

    announce: Callable[[], None]

    def __init__(self, config: uvicorn.Config, endpoint: Endpoint, application: Provider) -> None:
        super().__init__(config)
        self._admission = endpoint.admission
        self._grace = endpoint.limits.grace
        self._application = application

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Uvicorn would raise the signal again after its shutdown; the caller has things to close.
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is loaded by now stays. A full collection that looked through it would stop the loop for
        # 0.1 to 0.2 s, longer than anything else does.
        gc.collect()
        gc.freeze()
        if self.started:
            self.announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._admission.close()
        timer = asyncio.get_running_loop().call_later(self._grace, self._admission.stop)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()
            self._admission.stop()
            # What was opened in this loop cannot be closed in another.
            await self._application.close()


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
