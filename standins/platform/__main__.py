"""Start the sandbox platform: `python -m standins.platform --port 8090 --data DIR --seed demo`."""

import argparse
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from standins.platform.seed import seed_demo
from standins.platform.server import PlatformServer
from standins.platform.store import Store


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m standins.platform", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="folder of the store")
    parser.add_argument("--seed", choices=["demo"], help="fill an empty store")
    return parser.parse_args()


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; 1 with a sentence when the port is taken."""
    arguments = parse_arguments()
    arguments.data.mkdir(parents=True, exist_ok=True)
    store = Store(arguments.data / "platform.sqlite3")
    if arguments.seed:
        seed_demo(store)
    try:
        server = PlatformServer((arguments.host, arguments.port), store, demo=bool(arguments.seed))
    except OSError as error:
        print(f"cannot listen on {arguments.host}:{arguments.port}: {error}", file=sys.stderr)
        return 1
    _stop_on_signals(server)
    print(f"listening on http://{arguments.host}:{server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    store.close()
    return 0


def _stop_on_signals(server: PlatformServer) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        # shutdown() waits for serve_forever, which runs in this very thread.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    sys.exit(main())
