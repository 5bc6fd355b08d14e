"""`manage.py replay_events`: give a consumer of events all since a moment once more, beside itself, and swap."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import bus
from core.errors import WalkerError


class Command(BaseCommand):
    help = "Give a consumer of events all since a moment once more; what it had written is replaced at the end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--consumer", required=True, help=f"one of: {', '.join(bus.names()) or 'none'}")
        parser.add_argument("--since", required=True, help="a day or a moment, such as 2026-11-01, in UTC")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay, and say how many events there were."""
        try:
            since = datetime.fromisoformat(options["since"])
        except ValueError:
            raise CommandError("--since has to be a day or a moment, such as 2026-11-01.") from None
        since = since if since.tzinfo else since.replace(tzinfo=UTC)
        try:
            count = bus.replay(options["consumer"], since)
        except LookupError:
            known = ", ".join(bus.names()) or "none"
            raise CommandError(f"There is no such consumer; there are: {known}.") from None
        except WalkerError as problem:
            raise CommandError(problem.detail) from None
        self.stdout.write(f"{count} events replayed.")
