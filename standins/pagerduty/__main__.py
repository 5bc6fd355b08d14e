"""Start the sandbox PagerDuty: `python -m standins.pagerduty --port 8096 --data DIR --public http://127.0.0.1:8000`."""

import sys
from collections.abc import Callable

from standins.pagerduty.pagerduty import PagerDuty, Store
from standins.pagerduty.seed import demo_services
from standins.pagerduty.server import PagerDutyServer
from standins.process import Setting, run


def build(setting: Setting) -> tuple[Store, Callable[[], PagerDutyServer]]:
    """Return the store, and what makes the server."""
    store = Store(setting.data / "pagerduty.sqlite3")
    pagerduty = PagerDuty(store, demo_services(setting.secret))
    return store, lambda: PagerDutyServer((setting.host, setting.port), pagerduty)


if __name__ == "__main__":
    sys.exit(run("pagerduty", __doc__, build))
