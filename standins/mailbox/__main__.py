"""Start the sandbox mailbox: `python -m standins.mailbox --port 8092 --data DIR --public http://127.0.0.1:8000`."""

import argparse
import os
import sys

from standins.mailbox.mailbox import Mailbox
from standins.mailbox.posting import Poster
from standins.mailbox.seed import demo_accounts
from standins.mailbox.server import MailboxServer
from standins.mailbox.store import Store
from standins.serving import options, serve


def parse_arguments() -> argparse.Namespace:
    """The command line; the shared secret comes in the environment, which other users cannot list."""
    parser = options("mailbox", __doc__)
    parser.add_argument("--public", required=True, help="public address of the product, where events are posted")
    parser.add_argument("--door", default="", help="where the product really listens, when that is elsewhere")
    return parser.parse_args()


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; 1 with a sentence when the port is taken or the secret is missing."""
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
