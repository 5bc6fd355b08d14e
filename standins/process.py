"""Running a stand-in as a process: its options, the listening server, and stopping on signals."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from standins.web import StandInServer


def build_parser(name: str, about: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every stand-in."""
    parser = argparse.ArgumentParser(prog=f"python -m standins.{name}", description=about)
    parser.add_argument("--port", type=int, required=True, help="0 chooses a free port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="folder of the store")
    return parser


def serve(make: Callable[[], StandInServer], arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; returns 1 if the port is in use."""
    try:
        server = make()
    except OSError as error:
        print(f"cannot listen on {arguments.host}:{arguments.port}: {error}", file=sys.stderr)
        return 1

    def stop(_number: int, _frame: FrameType | None) -> None:
        # shutdown() waits for serve_forever, which runs in this very thread.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"listening on http://{arguments.host}:{server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    return 0
