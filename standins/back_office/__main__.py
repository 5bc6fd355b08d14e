"""Start the sandbox back office: `python -m standins.back_office --port 8098 --data DIR --public http://127.0.0.1:8000`."""

import sys
from collections.abc import Callable

from standins.back_office.office import Office
from standins.back_office.seed import demo_companies
from standins.back_office.server import BackOfficeServer
from standins.back_office.store import Store
from standins.back_office.webhooks import Poster
from standins.process import Setting, run


def build(setting: Setting) -> tuple[Store, Callable[[], BackOfficeServer]]:
    """Return the store, and what makes the server."""
    store = Store(setting.data / "back_office.sqlite3")
    office = Office(store, demo_companies(setting.secret), Poster(store, setting.door))
    return store, lambda: BackOfficeServer((setting.host, setting.port), office)


if __name__ == "__main__":
    sys.exit(run("back_office", __doc__, build))
