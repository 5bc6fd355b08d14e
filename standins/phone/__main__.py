"""Start the sandbox phone: `python -m standins.phone --port 8091 --data DIR --public http://127.0.0.1:8000`."""

import sys
from collections.abc import Callable

from standins.phone.phone import Phone
from standins.phone.seed import demo_accounts
from standins.phone.server import PhoneServer
from standins.phone.store import Store
from standins.phone.webhooks import Poster
from standins.process import Setting, run


def build(setting: Setting) -> tuple[Store, Callable[[], PhoneServer]]:
    """Return the store, and what makes the server."""
    store = Store(setting.data / "phone.sqlite3")
    poster = Poster(store, public=setting.public, door=setting.door)
    phone = Phone(store, poster, demo_accounts(setting.secret))

    def make() -> PhoneServer:
        server = PhoneServer((setting.host, setting.port), phone)
        phone.address = f"http://{setting.host}:{server.server_port}"
        return server

    return store, make


if __name__ == "__main__":
    sys.exit(run("phone", __doc__, build))
