"""`manage.py doctor`: check how this installation is set up, for `./walker doctor`."""

import json
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser

from core.installation.registry import STATUSES, run_checks
from core.observability.errors import receiver
from core.observability.errors.events import Fault

MARKS: Final = {"ok": "ok     ", "warning": "WARNING", "failure": "FAILURE"}
CODES: Final = (0, 3, 2)
"""By status. A warning isn't 1 here: with that Django ends a command that couldn't begin."""


class Command(BaseCommand):
    help = "Check how this installation is set up. Used by ./walker doctor, whose exit codes are 0, 1 and 2."
    # One of the checks runs them: what they find is reported with the rest.
    requires_system_checks: Any = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the form for programs."""
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--send-test-error", action="store_true", help="send one to SENTRY_DSN, and check nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run all checks, print what they found and exit with the code of the worst."""
        if options["send_test_error"]:
            problem = receiver.send_now(Fault("application", "test_error", __name__))
            self.stdout.write(problem or f"A test error was taken by {receiver.host()}.")
            raise SystemExit(CODES[2 if problem else 0])
        report = run_checks()
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), indent=2))
        else:
            for result in report.results:
                self.stdout.write(f"{MARKS[result.status]} {result.title}: {result.text}")
                if result.next_step:
                    self.stdout.write(f"        {result.next_step}")
            counts = [sum(result.status == status for result in report.results) for status in STATUSES]
            self.stdout.write(f"\nWalker {report.version}: {counts[0]} ok, {counts[1]} warnings, {counts[2]} failures")
        raise SystemExit(CODES[STATUSES.index(report.status)])
