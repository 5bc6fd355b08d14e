"""Running a stand-in as a process: its options, the listening server, and stopping on signals."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from standins.store import SqliteStore
from standins.web import StandInServer


@dataclass(frozen=True)
class Setting:
    """How a stand-in was started that posts to the product; `door` is where it listens, if that isn't `public`."""

    host: str
    port: int
    data: Path
    public: str
    door: str
    secret: str = field(repr=False)


Build = Callable[[Setting], tuple[SqliteStore, Callable[[], StandInServer]]]


def build_parser(name: str, about: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every stand-in."""
    parser = argparse.ArgumentParser(prog=f"python -m standins.{name}", description=about)
    parser.add_argument("--port", type=int, required=True, help="0 chooses a free port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--listening", type=int, help="number of a socket that listens already")
    parser.add_argument("--data", type=Path, required=True, help="folder of the store")
    return parser


def serve(make: Callable[[], StandInServer], arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; returns 1 if the port is in use, or if serving fails."""
    StandInServer.inherited = arguments.listening
    try:
        server = make()
    except OSError as error:
        print(f"cannot listen on {arguments.host}:{arguments.port}: {error}", file=sys.stderr)
        return 1

    # Signals are waited for: an exception that they raise can be swallowed where it lands, and looking ten times a
    # second whether to stop would keep the machine awake.
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    failed = threading.Event()

    def serve_until_it_fails() -> None:
        try:
            server.serve_forever(poll_interval=60)
        finally:
            failed.set()
            os.kill(os.getpid(), signal.SIGTERM)

    serving = threading.Thread(target=serve_until_it_fails, daemon=True)
    serving.start()
    print(f"listening on http://{arguments.host}:{server.server_port}", flush=True)
    signal.sigwait(ends)
    if failed.is_set():
        serving.join()  # it says why
        return 1
    server.server_close()
    return 0


def run(name: str, about: str | None, build: Build) -> int:
    """Build a stand-in that posts to the product, and serve it.

    The shared secret is in the environment, which other users can't read. Returns 1 if it is missing or the port is
    in use.
    """
    parser = build_parser(name, about or "")
    parser.add_argument("--public", required=True, help="public address of the product, which is posted to")
    parser.add_argument("--door", default="", help="where the product listens, if that differs")
    arguments = parser.parse_args()
    variable = f"SANDBOX_{name.upper()}_TOKEN"
    secret = os.environ.get(variable, "")
    if not secret:
        print(f"{variable} is not set", file=sys.stderr)
        return 1
    arguments.data.mkdir(parents=True, exist_ok=True)
    given = (arguments.host, arguments.port, arguments.data, arguments.public, arguments.door)
    store, make = build(Setting(*given, secret=secret))
    code = serve(make, arguments)
    store.close()
    return code
