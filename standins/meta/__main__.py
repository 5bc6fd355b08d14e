"""Start the sandbox Meta: `python -m standins.meta --port 8093 --data DIR --public http://127.0.0.1:8000`."""

import sys
from collections.abc import Callable

from standins.ads import AdsStore
from standins.meta.ads.graph import Graph
from standins.meta.ads.login import Login
from standins.meta.ads.seed import consent_page
from standins.meta.seed import demo_numbers, demo_templates
from standins.meta.server import MetaServer
from standins.meta.webhooks import Poster
from standins.meta.world import World
from standins.phone.store import Store
from standins.process import Setting, run


def build(setting: Setting) -> tuple[Store, Callable[[], MetaServer]]:
    """Return the store, and what makes the server."""
    store = Store(setting.data / "meta.sqlite3")
    poster = Poster(store, public=setting.public, door=setting.door)
    world = World(store, poster, demo_numbers(setting.secret), demo_templates())
    kept = AdsStore(setting.data / "ads.sqlite3")
    ads = Graph(kept, Login(kept, consent_page(setting.secret, setting.public, setting.door)))

    def make() -> MetaServer:
        server = MetaServer((setting.host, setting.port), world, ads)
        world.address = ads.address = f"http://{setting.host}:{server.server_port}"
        return server

    return store, make


if __name__ == "__main__":
    sys.exit(run("meta", __doc__, build))
