"""Start the sandbox portal: `python -m standins.portal --port 8093 --data DIR --public http://127.0.0.1:8000`."""

import sys
from collections.abc import Callable

from standins.portal.portal import Portal, Store
from standins.portal.seed import demo_companies
from standins.portal.server import PortalServer
from standins.process import Setting, run


def build(setting: Setting) -> tuple[Store, Callable[[], PortalServer]]:
    """Return the store, and what makes the server."""
    store = Store(setting.data / "portal.sqlite3")
    portal = Portal(store, demo_companies(setting.secret), public=setting.public, door=setting.door)
    return store, lambda: PortalServer((setting.host, setting.port), portal)


if __name__ == "__main__":
    sys.exit(run("portal", __doc__, build))
