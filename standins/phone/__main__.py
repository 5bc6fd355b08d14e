"""Start the sandbox phone: `python -m standins.phone --port 8091 --data DIR --public http://127.0.0.1:8000`."""

import argparse
import os
import sys

from standins.phone.phone import Phone
from standins.phone.seed import demo_accounts
from standins.phone.server import PhoneServer
from standins.phone.store import Store
from standins.phone.webhooks import Poster
from standins.process import build_parser, serve


def parse_arguments() -> argparse.Namespace:
    """Parse the command line; the shared secret is in the environment, which other users can't read."""
    parser = build_parser("phone", __doc__)
    parser.add_argument("--public", required=True, help="public address of the product, which is signed")
    parser.add_argument("--door", default="", help="where the product listens, if that differs")
    return parser.parse_args()


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; returns 1 if the port is in use or the secret is missing."""
    arguments = parse_arguments()
    secret = os.environ.get("SANDBOX_PHONE_TOKEN", "")
    if not secret:
        print("SANDBOX_PHONE_TOKEN is not set", file=sys.stderr)
        return 1
    arguments.data.mkdir(parents=True, exist_ok=True)
    store = Store(arguments.data / "phone.sqlite3")
    poster = Poster(store, public=arguments.public, door=arguments.door)
    phone = Phone(store, poster, demo_accounts(secret))

    def make() -> PhoneServer:
        server = PhoneServer((arguments.host, arguments.port), phone)
        phone.address = f"http://{arguments.host}:{server.server_port}"
        return server

    code = serve(make, arguments)
    store.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
