"""Start the sandbox mailbox: `python -m standins.mailbox --port 8092 --data DIR --public http://127.0.0.1:8000`."""

import argparse
import os
import sys

from standins.mailbox.mailbox import Mailbox
from standins.mailbox.seed import demo_accounts
from standins.mailbox.server import MailboxServer
from standins.mailbox.store import Store
from standins.mailbox.webhooks import Poster
from standins.process import build_parser, serve


def parse_arguments() -> argparse.Namespace:
    """Parse the command line; the shared secret is in the environment, which other users can't read."""
    parser = build_parser("mailbox", __doc__)
    parser.add_argument("--public", required=True, help="public address of the product, to which events are posted")
    parser.add_argument("--door", default="", help="where the product listens, if that differs")
    return parser.parse_args()


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; returns 1 if the port is in use or the secret is missing."""
    arguments = parse_arguments()
    secret = os.environ.get("SANDBOX_MAILBOX_TOKEN", "")
    if not secret:
        print("SANDBOX_MAILBOX_TOKEN is not set", file=sys.stderr)
        return 1
    arguments.data.mkdir(parents=True, exist_ok=True)
    store = Store(arguments.data / "mailbox.sqlite3")
    poster = Poster(store, public=arguments.public, door=arguments.door)
    mailbox = Mailbox(store, poster, demo_accounts(secret))

    code = serve(lambda: MailboxServer((arguments.host, arguments.port), mailbox), arguments)
    store.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
