"""Start the sandbox identity: `python -m standins.identity --port 8099 --data DIR --public http://127.0.0.1:8000`."""

import sys
from collections.abc import Callable

from standins.identity.company import Companies
from standins.identity.server import IdentityServer
from standins.identity.store import Store
from standins.process import Setting, run


def build(setting: Setting) -> tuple[Store, Callable[[], IdentityServer]]:
    """Return the store, and what makes the server."""
    store = Store(setting.data / "identity.sqlite3")
    companies = Companies(store, setting.secret, public=setting.public, door=setting.door)
    return store, lambda: IdentityServer((setting.host, setting.port), companies)


if __name__ == "__main__":
    sys.exit(run("identity", __doc__, build))
