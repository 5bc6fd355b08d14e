"""Start the sandbox model: `python -m standins.model --port 8094 --data DIR --public http://127.0.0.1:8000`."""

import sys
from collections.abc import Callable

from standins.model.server import Journal, ModelServer, keys_of
from standins.process import Setting, run


def build(setting: Setting) -> tuple[Journal, Callable[[], ModelServer]]:
    """Return the journal, and what makes the server."""
    journal = Journal(setting.data / "model.sqlite3")
    return journal, lambda: ModelServer((setting.host, setting.port), journal, keys_of(setting.secret))


if __name__ == "__main__":
    sys.exit(run("model", __doc__, build))
