"""Run a stand-in as a process: its options, a listening server, and the end on SIGTERM or Ctrl-C."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from standins.web import StandInServer


def options(name: str, about: str) -> argparse.ArgumentParser:
    """Return a parser of what every stand-in is told."""
    parser = argparse.ArgumentParser(prog=f"python -m standins.{name}", description=about)
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="folder of the store")
    return parser


def serve(make: Callable[[], StandInServer], arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; 1 with a sentence when the port is taken."""
    try:
        server = make()
    except OSError as error:
        print(f"cannot listen on {arguments.host}:{arguments.port}: {error}", file=sys.stderr)
        return 1
    _stop_on_signals(server)
    print(f"listening on http://{arguments.host}:{server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    return 0


def _stop_on_signals(server: StandInServer) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        # shutdown() waits for serve_forever, which runs in this very thread.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
