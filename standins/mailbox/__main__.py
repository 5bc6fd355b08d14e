"""Start the sandbox mailbox: `python -m standins.mailbox --port 8092 --data DIR --public http://127.0.0.1:8000`."""

import sys
from collections.abc import Callable

from standins.mailbox.mailbox import Mailbox
from standins.mailbox.seed import demo_accounts
from standins.mailbox.server import MailboxServer
from standins.mailbox.store import Store
from standins.mailbox.webhooks import Poster
from standins.process import Setting, run


def build(setting: Setting) -> tuple[Store, Callable[[], MailboxServer]]:
    """Return the store, and what makes the server."""
    store = Store(setting.data / "mailbox.sqlite3")
    poster = Poster(store, public=setting.public, door=setting.door)
    mailbox = Mailbox(store, poster, demo_accounts(setting.secret))
    return store, lambda: MailboxServer((setting.host, setting.port), mailbox)


if __name__ == "__main__":
    sys.exit(run("mailbox", __doc__, build))
