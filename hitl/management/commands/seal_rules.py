"""`manage.py seal_rules`: list the rules that are not sealed as they are stored, and seal them."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.permissions.operators import list_unsealed_entries, seal_owed_entries
from accounts.selectors import tenants_named
from core.actors import Actor, system
from core.errors import NotFound
from core.tenancy.scope import tenant_scope
from hitl.seals.rules import seal_as_stored
from hitl.seals.verification import broken_rules

OPERATOR: Final[Actor] = system("console-operator")


class Command(BaseCommand):
    help = (
        "List workflows, limits, groups, calendars, settings and emergency stops that are not sealed as they are "
        "stored. Check them in the console, then seal them with --accept. After the upgrade to the version that "
        "seals rules, all are listed once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", default="", metavar="SLUG", help="only this tenant")
        parser.add_argument("--accept", action="store_true", help="seal them as they are stored")

    def handle(self, *args: Any, **options: Any) -> None:
        """List, and seal if asked; unsealed rules that are only listed are an error."""
        try:
            tenants = tenants_named(options["tenant"])
        except NotFound as error:
            raise CommandError(error.detail) from None
        left = 0 if options["tenant"] else self._owed(is_accepted=options["accept"])
        for tenant_id, slug in tenants:
            with tenant_scope(tenant_id), transaction.atomic():
                found = list(broken_rules())
                if options["accept"]:
                    seal_as_stored(OPERATOR)
                    found = [(row, f"{what}; accepted") for row, what in found]
                else:
                    left += len(found)
            for row, what in found:
                self.stdout.write(f"{slug}: {row}: {what}")
        if left:
            raise CommandError(f"{left} rules are not sealed as they are stored. Check them, then use --accept.")

    def _owed(self, *, is_accepted: bool) -> int:
        """List the entries that audit logs still lack and that nobody sealed; return how many are left."""
        entries = list_unsealed_entries()
        if is_accepted:
            seal_owed_entries(entries)
        for entry in entries:
            about = f"{entry.action} {entry.object_type} {entry.object_id}"
            self.stdout.write(f"installation: owed entry {about}: not sealed{'; accepted' if is_accepted else ''}")
        return 0 if is_accepted else len(entries)
