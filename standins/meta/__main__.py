"""Start the sandbox Meta: `python -m standins.meta --port 8093 --data DIR --public http://127.0.0.1:8000`."""

import argparse
import os
import sys

from standins.meta.seed import demo_numbers, demo_templates
from standins.meta.server import MetaServer
from standins.meta.webhooks import Poster
from standins.meta.world import World
from standins.phone.store import Store
from standins.process import build_parser, serve


def parse_arguments() -> argparse.Namespace:
    """Parse the command line; the shared secret is in the environment, which other users can't read."""
    parser = build_parser("meta", __doc__)
    parser.add_argument("--public", required=True, help="public address of the product")
    parser.add_argument("--door", default="", help="where the product listens, if that differs")
    return parser.parse_args()


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; returns 1 if the port is in use or the secret is missing."""
    arguments = parse_arguments()
    secret = os.environ.get("SANDBOX_META_TOKEN", "")
    if not secret:
        print("SANDBOX_META_TOKEN is not set", file=sys.stderr)
        return 1
    arguments.data.mkdir(parents=True, exist_ok=True)
    store = Store(arguments.data / "meta.sqlite3")
    poster = Poster(store, public=arguments.public, door=arguments.door)
    world = World(store, poster, demo_numbers(secret), demo_templates())

    def make() -> MetaServer:
        server = MetaServer((arguments.host, arguments.port), world)
        world.address = f"http://{arguments.host}:{server.server_port}"
        return server

    code = serve(make, arguments)
    store.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
