"""Ends connections on which no request comes: silent ones, and those whose headers trickle in.

Uvicorn times the silence between two requests, but neither that before the first nor the headers.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol


def within(seconds: float) -> type[asyncio.Protocol]:
    """Uvicorn's protocol, whichever is installed, that gives the headers of a request so many seconds."""
    # Uvicorn chooses its class when it is imported.
    installed: Any = AutoHTTPProtocol

    class HeaderTimeout(installed):
        """Closes its connection when the headers of a request are not there in time."""

        _alarm: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            protocol: Any = super()
            protocol.connection_made(transport)
            self._set()

        def data_received(self, data: bytes) -> None:
            if not self._busy and self._alarm is None:
                self._set()
            protocol: Any = super()
            protocol.data_received(data)
            if self._busy:
                self._clear()

        def connection_lost(self, exc: Exception | None) -> None:
            self._clear()
            protocol: Any = super()
            protocol.connection_lost(exc)

        @property
        def _busy(self) -> bool:
            """Whether a request is known whose response is not complete."""
            return self.cycle is not None and not self.cycle.response_complete

        def _set(self) -> None:
            self._alarm = asyncio.get_running_loop().call_later(seconds, self._close)

        def _clear(self) -> None:
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None

        def _close(self) -> None:
            if not self._busy and not self.transport.is_closing():
                self.transport.close()

    return HeaderTimeout
