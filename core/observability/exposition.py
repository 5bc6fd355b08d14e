"""Metrics at a port of a process's own, and what only the process itself can measure.

Also a process that serves what others count into a folder: `python -m core.observability.exposition HOST PORT FOLDER`.
"""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.db import connections
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from core.observability import metrics, ports
from core.observability.logging import get_logger
from core.observability.processes import VERSION

log = get_logger(__name__)
_serving: "list[_Server]" = []


class ProcessGauges(Collector):
    """What this process has at the moment. Kept in no file, so that nothing of an ended process is shown."""

    def collect(self) -> Iterator[Metric]:
        """Read it from memory."""
        about = GaugeMetricFamily("walker_process_info", "The process, always 1.", labels=["part", "version"])
        about.add_metric([os.environ.get("WALKER_PROCESS", "other"), VERSION], 1)
        yield about
        sockets = GaugeMetricFamily("walker_sockets_open", "WebSockets that are open.", labels=["route"])
        for route, count in sorted(metrics.open_sockets.items()):
            sockets.add_metric([route], count)
        yield sockets
        pool = find_pool()
        if pool is not None:
            said = pool.get_stats()
            size, idle = said.get("pool_size", 0), said.get("pool_available", 0)
            yield GaugeMetricFamily("walker_database_pool_size", "Database connections of the pool.", size)
            yield GaugeMetricFamily("walker_database_pool_in_use", "Those in use.", max(0, size - idle))
            waiting = said.get("requests_waiting", 0)
            yield GaugeMetricFamily("walker_database_pool_waiting", "Requests that wait for a connection.", waiting)

    def describe(self) -> list[Metric]:
        """Return nothing: a process without a pool has fewer."""
        return []


OF_PROCESS: Final = CollectorRegistry()
OF_PROCESS.register(ProcessGauges())
ProcessCollector(registry=OF_PROCESS)
PlatformCollector(registry=OF_PROCESS)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without asking for a name by the address, which takes seconds where nobody answers."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a scraper hung up."""


class _Handler(WSGIRequestHandler):
    timeout = 10

    def log_message(self, *_: Any) -> None:
        """Log nothing: it would be a line for each scrape."""


def listen(host: str, port: int, registry: CollectorRegistry) -> _Server:
    """Return a server of these metrics that listens already. Raises OSError."""
    family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]

    class Server(_Server):
        address_family = family

    server = Server((str(place[0]), port), _Handler)
    server.set_app(make_wsgi_app(registry))
    return server


def serve_own() -> None:
    """Serve the metrics of this process, and of its children, where it was started with a port for them.

    In a thread. A port that is taken is logged: a process does its work without it, and `/metrics` has what it counts.
    """
    host, _, port = os.environ.get(ports.AT, "").rpartition(" ")
    if not host:
        return
    together = CollectorRegistry(support_collectors_without_names=True)
    together.register(OF_PROCESS)
    together.register(metrics.own_registry())
    try:
        server = listen(host, int(port), together)
    except OSError:
        log.exception("metrics_not_served", port=port)
        return
    _serving.append(server)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def serves_own() -> bool:
    """Tell whether this process serves its metrics at a port of its own."""
    return bool(_serving)


def let_go() -> None:
    """Close, in a child that was forked, the port that its parent serves."""
    while _serving:
        _serving.pop().socket.close()


def find_pool() -> Any:
    """Return this process's pool of database connections; None where it has none, or none yet."""
    # Django's own property would open one.
    pools: Any = getattr(connections["default"], "_connection_pools", {})
    return pools.get("default")


def main() -> None:
    """Serve what others count, until stopped."""
    host, port, folder = sys.argv[1:]
    with listen(host, int(port), metrics.registry_of(folder)) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
