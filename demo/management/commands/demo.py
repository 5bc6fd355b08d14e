"""`manage.py demo`: seed the demo organisations (safe to repeat) or print what they consist of."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from demo import seed
from demo.describe import as_text, describe


class Command(BaseCommand):
    """Seeds and describes the demo."""

    help = "Seed the demo organisations (safe to repeat), and print addresses and sign-ins."
    # `migrate` ran the system checks just before.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="only print, for programs")
        parser.add_argument("--show", action="store_true", help="only print, for people")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed unless only asked to print."""
        if not (options["json"] or options["show"]):
            seed.seed_demo(say=self.stdout.write)
        known = describe()
        text = json.dumps(known, indent=2) if options["json"] else as_text(known)
        self.stdout.write(text)
