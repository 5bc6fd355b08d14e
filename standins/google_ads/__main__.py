"""Start the sandbox Google Ads: `python -m standins.google_ads --port 8097 --data DIR --public http://127.0.0.1:8000`."""

import sys
from collections.abc import Callable

from standins.ads import AdsStore
from standins.google_ads.customers import Customers
from standins.google_ads.login import Login
from standins.google_ads.seed import consent_page
from standins.google_ads.server import GoogleAdsServer
from standins.process import Setting, run


def build(setting: Setting) -> tuple[AdsStore, Callable[[], GoogleAdsServer]]:
    """Return the store, and what makes the server."""
    store = AdsStore(setting.data / "google_ads.sqlite3")
    customers = Customers(store, Login(store, consent_page(setting.secret, setting.public, setting.door)))
    return store, lambda: GoogleAdsServer((setting.host, setting.port), customers)


if __name__ == "__main__":
    sys.exit(run("google_ads", __doc__, build))
