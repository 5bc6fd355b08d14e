"""Start the sandbox mailbox: `python -m standins.mailbox --port 8092 --data DIR --public http://127.0.0.1:8000`."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from standins.mailbox.mailbox import Mailbox
from standins.mailbox.posting import Poster
from standins.mailbox.seed import demo_accounts
from standins.mailbox.server import MailboxServer
from standins.mailbox.store import Store


def parse_arguments() -> argparse.Namespace:
    """The command line; the shared secret comes in the environment, which other users cannot list."""
    parser = argparse.ArgumentParser(prog="python -m standins.mailbox", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, required=True, help="folder of the store")
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
    try:
        server = MailboxServer((arguments.host, arguments.port), mailbox)
    except OSError as error:
        print(f"cannot listen on {arguments.host}:{arguments.port}: {error}", file=sys.stderr)
        return 1
    _stop_on_signals(server)
    print(f"listening on http://{arguments.host}:{server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    store.close()
    return 0


def _stop_on_signals(server: MailboxServer) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        # shutdown() waits for serve_forever, which runs in this very thread.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    sys.exit(main())
