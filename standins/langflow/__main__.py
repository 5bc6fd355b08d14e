"""Start the sandbox Langflow: `python -m standins.langflow --port 8095 --data DIR --public http://127.0.0.1:8000`."""

import sys
from collections.abc import Callable

from standins.langflow.server import LangflowServer, Sessions
from standins.process import Setting, run


def build(setting: Setting) -> tuple[Sessions, Callable[[], LangflowServer]]:
    """Return the store, and what makes the server."""
    store = Sessions(setting.data / "langflow.sqlite3")
    return store, lambda: LangflowServer((setting.host, setting.port), store, setting.secret)


if __name__ == "__main__":
    sys.exit(run("langflow", __doc__, build))
