"""Start the sandbox Slack: `python -m standins.slack --port 8093 --data DIR --public http://127.0.0.1:8000`."""

import argparse
import os
import sys

from standins.process import build_parser, serve
from standins.slack.seed import demo_workspaces
from standins.slack.server import SlackServer
from standins.slack.slack import Slack
from standins.slack.store import Store
from standins.slack.webhooks import Poster


def parse_arguments() -> argparse.Namespace:
    """Parse the command line; the shared secret is in the environment, which other users can't read."""
    parser = build_parser("slack", __doc__)
    parser.add_argument("--public", required=True, help="public address of the product, to which presses are posted")
    parser.add_argument("--door", default="", help="where the product listens, if that differs")
    return parser.parse_args()


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; returns 1 if the port is in use or the secret is missing."""
    arguments = parse_arguments()
    secret = os.environ.get("SANDBOX_SLACK_TOKEN", "")
    if not secret:
        print("SANDBOX_SLACK_TOKEN is not set", file=sys.stderr)
        return 1
    arguments.data.mkdir(parents=True, exist_ok=True)
    store = Store(arguments.data / "slack.sqlite3")
    poster = Poster(store, public=arguments.public, door=arguments.door)
    slack = Slack(store, poster, demo_workspaces(secret))
    code = serve(lambda: SlackServer((arguments.host, arguments.port), slack), arguments)
    store.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
