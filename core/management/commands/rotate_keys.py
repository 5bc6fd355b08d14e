"""`manage.py rotate_keys`: encrypt all stored values with the current (last) key of WALKER_KEYS."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.privacy import key_rotation
from core.privacy.encryption import current_key_id
from core.tenancy.scope import platform_scope


class Command(BaseCommand):
    help = "Encrypt all stored values with the current (last) key of WALKER_KEYS. Goes on where it was stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the option that only shows how far it is."""
        parser.add_argument("--status", action="store_true", help="only show how far it is, by table")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate every tenant and print how far it is; raises CommandError if rows keep an older key."""
        if options["status"]:
            self._show()
            return
        key_rotation.count_outdated()
        tenants = apps.get_model("accounts.Tenant")
        with platform_scope():
            ids = list(tenants._default_manager.order_by("pk").values_list("pk", flat=True))
        changed = 0
        for number, tenant_id in enumerate(ids, start=1):
            changed += key_rotation.rotate_tenant(tenant_id)
            self.stdout.write(f"{number} of {len(ids)} organisations, {changed} rows")
        # What was deleted, or written by a process with older keys, since the first count.
        key_rotation.count_outdated()
        if left := self._show():
            raise CommandError(
                f"Rows that keep an older key: {left}. Processes with older WALKER_KEYS may have written them: restart "
                "those and run this again. The log names rows that can't be decrypted (row_keeps_its_key)."
            )
        self.stdout.write(f"{changed} rows now use key {current_key_id()}.")

    def _show(self) -> int:
        """Print how far each table is; return how many rows are left."""
        rows = key_rotation.progress()
        for row in rows:
            self.stdout.write(f"{row.model}: {row.done} of {row.total} rows")
        return sum(row.total - row.done for row in rows)
