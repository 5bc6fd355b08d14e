"""`manage.py operator`: say who may stop the whole installation in the console, and who no longer may."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from accounts.permissions import operators
from core.actors import Actor, system
from core.errors import WalkerError

CONSOLE: Final[Actor] = system("console-operator")


class Command(BaseCommand):
    """Makes and unmakes operators of the installation, for whoever may log in to the machine."""

    help = "Make a person an operator of the installation (grant), take that back (withdraw), or list them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the action and the person."""
        parser.add_argument("action", choices=["grant", "withdraw", "list"])
        parser.add_argument("--email", default="", help="the address that the person signs in with")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say what came of it; what cannot be done is an error and changes nothing."""
        if options["action"] == "list":
            for user in operators.list_operators(actor=CONSOLE):
                self.stdout.write(user.email)
            return
        if not options["email"]:
            raise CommandError("Say who: --email ADDRESS.")
        try:
            self.stdout.write(_set(options["email"], is_on=options["action"] == "grant"))
        except WalkerError as error:
            raise CommandError(error.detail) from error


def _set(email: str, *, is_on: bool) -> str:
    has_changed = operators.set_operator(actor=CONSOLE, email=email, is_on=is_on)
    word = "an operator" if is_on else "no operator"
    return f"{email} is {word} of this installation{'' if has_changed else ' already'}."
