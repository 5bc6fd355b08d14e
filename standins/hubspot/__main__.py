"""Start the sandbox HubSpot: `python -m standins.hubspot --port 8100 --data DIR`."""

import sys

from standins.hubspot.portal import Portal
from standins.hubspot.server import HubspotServer
from standins.process import build_parser, serve
from standins.tickets import TicketStore


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; returns 1 if the port is in use."""
    arguments = build_parser("hubspot", __doc__ or "").parse_args()
    arguments.data.mkdir(parents=True, exist_ok=True)
    store = TicketStore(arguments.data / "hubspot.sqlite3")
    portal = Portal(store)
    code = serve(lambda: HubspotServer((arguments.host, arguments.port), portal), arguments)
    store.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
