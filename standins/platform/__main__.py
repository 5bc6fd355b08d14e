"""Start the sandbox platform: `python -m standins.platform --port 8090 --data DIR --seed demo`."""

import argparse
import sys

from standins.platform.seed import seed_demo
from standins.platform.server import PlatformServer
from standins.platform.store import Store
from standins.process import build_parser, serve


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = build_parser("platform", __doc__)
    parser.add_argument("--seed", choices=["demo"], help="fill an empty store")
    return parser.parse_args()


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; returns 1 if the port is in use."""
    arguments = parse_arguments()
    arguments.data.mkdir(parents=True, exist_ok=True)
    store = Store(arguments.data / "platform.sqlite3")
    if arguments.seed:
        seed_demo(store)
    address, has_demo = (arguments.host, arguments.port), bool(arguments.seed)
    code = serve(lambda: PlatformServer(address, store, demo=has_demo), arguments)
    store.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
