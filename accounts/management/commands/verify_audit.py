"""`manage.py verify_audit`: walk the audit chain of every tenant and say where the first break is."""

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import tenants_named
from core.audit import chain
from core.errors import NotFound
from core.tenancy.scope import tenant_scope


class Command(BaseCommand):
    """Verifies the audit chains; exits with 1 when one does not hold."""

    help = (
        "Walk the audit chain of every tenant (or of one) and report the first entry that does not fit. "
        "Keep the printed heads somewhere else: they are what a rewritten chain is compared with."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--tenant", default="", metavar="SLUG", help="only this tenant")
        parser.add_argument("--json", action="store_true", help="print a JSON list")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify and print; a broken chain is an error."""
        rows = [_verify(tenant_id, slug) for tenant_id, slug in _tenants(options["tenant"])]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
        else:
            for row in rows:
                self.stdout.write(_sentence(row))
        if not all(row["ok"] for row in rows):
            raise CommandError("An audit chain does not hold.")


def _tenants(slug: str) -> list[tuple[UUID, str]]:
    try:
        return tenants_named(slug)
    except NotFound as error:
        raise CommandError(error.detail) from None


def _verify(tenant_id: UUID, slug: str) -> dict[str, Any]:
    with tenant_scope(tenant_id):
        verdict = chain.verify()
    # A tenant's creation is its first entry: an empty chain was emptied.
    is_empty = verdict.entries == 0 and verdict.ok
    return {
        "tenant": slug,
        "ok": verdict.ok and not is_empty,
        "entries": verdict.entries,
        "head": verdict.head,
        "first_bad": 1 if is_empty else verdict.first_bad,
        "reason": "the chain is empty" if is_empty else verdict.reason,
    }


def _sentence(row: dict[str, Any]) -> str:
    if row["ok"]:
        return f"{row['tenant']}: {row['entries']} entries hold; head {row['head']}"
    return f"{row['tenant']}: BROKEN at entry {row['first_bad']}: {row['reason']}"
