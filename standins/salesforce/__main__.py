"""Start the sandbox Salesforce: `python -m standins.salesforce --port 8102 --data DIR`."""

import sys

from standins.process import build_parser, serve
from standins.salesforce.org import Org
from standins.salesforce.server import SalesforceServer
from standins.tickets import TicketStore


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; returns 1 if the port is in use."""
    arguments = build_parser("salesforce", __doc__ or "").parse_args()
    arguments.data.mkdir(parents=True, exist_ok=True)
    store = TicketStore(arguments.data / "salesforce.sqlite3")
    org = Org(store)
    code = serve(lambda: SalesforceServer((arguments.host, arguments.port), org), arguments)
    store.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
