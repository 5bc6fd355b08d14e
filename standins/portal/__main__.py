"""Start the sandbox portal: `python -m standins.portal --port 8093 --data DIR --public http://127.0.0.1:8000`."""

import argparse
import os
import sys

from standins.portal.portal import Portal, Store
from standins.portal.seed import demo_companies
from standins.portal.server import PortalServer
from standins.process import build_parser, serve


def parse_arguments() -> argparse.Namespace:
    """Parse the command line; the shared secret is in the environment, which other users can't read."""
    parser = build_parser("portal", __doc__)
    parser.add_argument("--public", required=True, help="public address of the product, to which messages are posted")
    parser.add_argument("--door", default="", help="where the product listens, if that differs")
    return parser.parse_args()


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; returns 1 if the port is in use or the secret is missing."""
    arguments = parse_arguments()
    secret = os.environ.get("SANDBOX_PORTAL_TOKEN", "")
    if not secret:
        print("SANDBOX_PORTAL_TOKEN is not set", file=sys.stderr)
        return 1
    arguments.data.mkdir(parents=True, exist_ok=True)
    store = Store(arguments.data / "portal.sqlite3")
    portal = Portal(store, demo_companies(secret), public=arguments.public, door=arguments.door)
    code = serve(lambda: PortalServer((arguments.host, arguments.port), portal), arguments)
    store.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
