"""`manage.py rotate_keys`: encrypt all stored values with the current (last) key of WALKER_KEYS."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand

from core.privacy.encryption import current_key_id
from core.privacy.key_rotation import rotate_tenant
from core.tenancy.scope import platform_scope


class Command(BaseCommand):
    help = "Encrypt all stored values with the current (last) key of WALKER_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate every tenant and print how many values changed."""
        tenants = apps.get_model("accounts.Tenant")
        with platform_scope():
            ids = list(tenants._default_manager.order_by("pk").values_list("pk", flat=True))
        changed = sum(rotate_tenant(tenant_id) for tenant_id in ids)
        self.stdout.write(f"{changed} values now use key {current_key_id()}.")
