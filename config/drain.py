"""How a web process stops.

It isn't ready at once, requests in flight finish, and sockets close one after another.
"""

import asyncio
import random
import time
from typing import Any, Final

from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import defer, reactor

from config.environment import drain_times
from core.observability.logging import get_logger
from core.observability.processes import keep_noting
from core.observability.stop import stopping

log = get_logger(__name__)
# It carries its methods as a module would.
_reactor: Any = reactor

RESTART: Final = 1012
"""The close code after which clients connect again, and go on after the last number they have."""
LOOK_EVERY: Final = 0.05
SHAKES_HANDS: Final = 0.2


class WebSocket(WebSocketProtocol):
    """A WebSocket that can be closed with every code."""

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802 - Daphne's name
        """Close the socket.

        Autobahn's own method refuses 1012 and 1013, which tell clients to come back.
        """
        self.sendCloseFrame(code=1000 if code is None else code)


class SocketFactory(WebSocketFactory):
    """Makes these sockets."""

    protocol = WebSocket


class DrainingServer(Server):
    """Lets what has begun come to its end when the process is asked to stop.

    Daphne cancels every request then. Twisted calls `kill_all_applications` first, and serves until it is done.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ports: list[Any] = []
        # Read now: a value that isn't a number would be noticed when the process stops, and cut off everything.
        self.times = drain_times()
        self.spread_until = 0.0

    def listen_success(self, port: Any) -> None:
        """Keep the port, to close it before the connections; and be known to upgrades from now on."""
        if not self.ports:
            keep_noting("web")
        self.ports.append(port)
        super().listen_success(port)

    def protocol_connected(self, protocol: Any) -> None:
        """Note a connection; while the process stops, a socket is closed as the others."""
        super().protocol_connected(protocol)
        if stopping.is_set():
            self._close_in_time(protocol)

    def kill_all_applications(self) -> Any:
        """Drain, and cancel only what takes longer than it may."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self.drain()))

    async def drain(self) -> None:
        """Stop being ready, then wait for what is under way, as long as it may take."""
        notice, spread, patience = self.times
        began = time.monotonic()
        self.spread_until = began + spread
        stopping.set()
        for protocol in list(self.connections):
            self._close_in_time(protocol)
        # A balancer looks every few seconds: until it has seen that this process isn't ready, it sends requests.
        await asyncio.sleep(notice)
        for port in self.ports:
            port.stopListening()
        while self.is_busy() and time.monotonic() < began + notice + patience:
            await asyncio.sleep(LOOK_EVERY)
        left = [running for running in map(_application_of, self.connections.values()) if running is not None]
        if left:
            log.warning("requests_cut_off", count=len(left))
        for running in left:
            running.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def is_busy(self) -> bool:
        """Tell whether a request, a socket, or an answer on its way to a client is left."""
        return bool(_reactor.getWriters()) or any(
            "disconnected" not in details or _application_of(details) is not None
            for details in self.connections.values()
        )

    def _close_in_time(self, protocol: Any) -> None:
        """Close a socket at some moment of the spread; its client comes back at once."""
        if isinstance(protocol, WebSocketProtocol):
            left = max(0.0, self.spread_until - time.monotonic())
            asyncio.get_running_loop().call_later(random.uniform(0, left), _close, protocol)  # noqa: S311


def _close(protocol: Any) -> None:
    if protocol.state == protocol.STATE_OPEN:
        protocol.serverClose(code=RESTART)
    elif protocol.state == protocol.STATE_CONNECTING:
        asyncio.get_running_loop().call_later(SHAKES_HANDS, _close, protocol)


def _application_of(details: dict[str, Any]) -> "asyncio.Future[Any] | None":
    """Return what still works for a connection."""
    running: asyncio.Future[Any] | None = details.get("application_instance")
    return None if running is None or running.done() else running
