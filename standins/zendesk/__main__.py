"""Start the sandbox Zendesk: `python -m standins.zendesk --port 8099 --data DIR`."""

import sys

from standins.process import build_parser, serve
from standins.tickets import TicketStore
from standins.zendesk.desk import Desk
from standins.zendesk.server import ZendeskServer


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; returns 1 if the port is in use."""
    arguments = build_parser("zendesk", __doc__ or "").parse_args()
    arguments.data.mkdir(parents=True, exist_ok=True)
    store = TicketStore(arguments.data / "zendesk.sqlite3")
    desk = Desk(store)
    code = serve(lambda: ZendeskServer((arguments.host, arguments.port), desk), arguments)
    store.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
