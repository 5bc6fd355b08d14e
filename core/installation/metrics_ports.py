"""Check of the ports at which processes of this machine serve their metrics."""

import socket
from contextlib import suppress
from typing import Final

from django.conf import settings

from core.installation.registry import Check, Finding, register, warning, well
from core.observability.ports import USUAL

PATIENCE: Final = 0.5
MOST: Final = 1_000_000
ASKED: Final = b"GET /metrics HTTP/1.0\r\n\r\n"
OURS: Final = b"# HELP walker_"
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (what a server listens on)


def metrics_ports() -> Finding:
    """Ask each port for metrics of this machine, and find those that another program has."""
    host, port = settings.METRICS_AT
    serves: list[str] = []
    taken: list[str] = []
    for each in [port] if port else USUAL.values():
        said = b""
        with suppress(OSError), socket.create_connection((_ANY.get(host, host), each), timeout=PATIENCE) as link:
            said = b"\n"  # something listens, also where it says nothing
            link.sendall(ASKED)
            while OURS not in said and (piece := link.recv(65536)) and len(said) < MOST:
                said += piece
        if said:
            (serves if OURS in said else taken).append(str(each))
    if taken:
        return warning(
            f"Other programs have ports for metrics: {', '.join(taken)}.",
            "Stop them, or start processes with another number: walker serve NAME --metrics-port N.",
        )
    if serves:
        return well(f"Processes of this machine serve metrics, without a token, on {host} at {', '.join(serves)}.")
    return well("No process of this machine serves metrics at a port of its own: see /metrics.")


register(Check("metrics_ports", "Ports for metrics", metrics_ports))
