"""`manage.py operator`: grant or withdraw the operator role of this installation."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from accounts.permissions import operators
from core.actors import Actor, system
from core.errors import WalkerError

CONSOLE: Final[Actor] = system("console-operator")


class Command(BaseCommand):
    help = "Make a person an operator of this installation (grant), remove that right (withdraw), or list operators."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["grant", "withdraw", "list"])
        parser.add_argument("--email", default="", help="email address the person signs in with")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the action and print the result; an error changes nothing."""
        if options["action"] == "list":
            for user in operators.list_operators(actor=CONSOLE):
                self.stdout.write(user.email)
            return
        if not options["email"]:
            raise CommandError("Name the person with --email ADDRESS.")
        email, is_on = options["email"], options["action"] == "grant"
        try:
            has_changed = operators.set_operator(actor=CONSOLE, email=email, is_on=is_on)
        except WalkerError as error:
            raise CommandError(error.detail) from error
        states = {(True, True): "is now", (True, False): "is already", (False, True): "is no longer"}
        self.stdout.write(f"{email} {states.get((is_on, has_changed), 'is not')} an operator of this installation.")
