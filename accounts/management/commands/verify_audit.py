"""`manage.py verify_audit`: verify audit chains and the rows that they vouch for."""

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import tenants_named
from core.audit import chain, vouched
from core.errors import NotFound
from core.tenancy.scope import tenant_scope


class Command(BaseCommand):
    """Verifies the audit chains; exits with 1 if one is broken."""

    help = (
        "Verify the audit chain of every tenant (or of one), and the rows that it vouches for, and report the first "
        "broken entry or row. "
        "Store the printed heads elsewhere: compared with them, a rewritten chain shows."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--tenant", default="", metavar="SLUG", help="only this tenant")
        parser.add_argument("--json", action="store_true", help="print a JSON list")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify and print; a broken chain is an error."""
        try:
            tenants = tenants_named(options["tenant"])
        except NotFound as error:
            raise CommandError(error.detail) from None
        rows = [_verify(tenant_id, slug) for tenant_id, slug in tenants]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
        else:
            for row in rows:
                where, head = row["tenant"], row["head"]
                if row["ok"]:
                    self.stdout.write(f"{where}: {row['entries']} entries verified; head {head}")
                elif row["first_bad"]:
                    self.stdout.write(f"{where}: BROKEN at entry {row['first_bad']}: {row['reason']}")
                else:
                    self.stdout.write(f"{where}: BROKEN at {row['reason']}")
        if not all(row["ok"] for row in rows):
            raise CommandError("At least one audit chain, or a row that it vouches for, is broken.")


def _verify(tenant_id: UUID, slug: str) -> dict[str, Any]:
    with tenant_scope(tenant_id):
        verdict = chain.verify()
        changed = vouched.first_problem() if verdict.ok else ""
    # A tenant's creation is its first entry: an empty chain was emptied.
    is_empty = verdict.entries == 0 and verdict.ok
    return {
        "tenant": slug,
        "ok": verdict.ok and not is_empty and not changed,
        "entries": verdict.entries,
        "head": verdict.head,
        "first_bad": 1 if is_empty else verdict.first_bad,
        "reason": "the chain is empty" if is_empty else verdict.reason or changed,
    }
