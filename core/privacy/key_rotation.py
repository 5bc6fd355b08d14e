"""Re-encrypt stored values with the current key, by tenant and in batches."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.apps import apps
from django.db import models, transaction

from core.privacy.encrypted_fields import EncryptedTextField, Sealed
from core.privacy.encryption import current_key_id
from core.tenancy.scope import tenant_scope

BATCH: Final = 200


def encrypted_models() -> list[tuple[type[models.Model], list[EncryptedTextField]]]:
    """Return every model with encrypted fields, and those fields."""
    found = []
    for model in apps.get_models():
        fields = [f for f in model._meta.local_fields if isinstance(f, EncryptedTextField)]
        if fields:
            found.append((model, fields))
    return found


def rotate_tenant(tenant_id: UUID) -> int:
    """Re-encrypt the tenant's values that have an older key; return how many. Safe while running, and to repeat."""
    with tenant_scope(tenant_id):
        return sum(
            sum(_rotate_rows(model, fields, page) for page in _pages(model)) for model, fields in encrypted_models()
        )


def _pages(model: type[models.Model]) -> Iterator[list[UUID]]:
    last: UUID | None = None
    rows = model._default_manager.order_by("pk").values_list("pk", flat=True)
    while page := list((rows.filter(pk__gt=last) if last else rows)[:BATCH]):
        yield page
        last = page[-1]


def _rotate_rows(model: type[models.Model], fields: list[EncryptedTextField], page: list[UUID]) -> int:
    changed = 0
    with transaction.atomic():
        locked = model._default_manager.select_for_update(skip_locked=False).filter(pk__in=page)
        for row in locked.order_by("pk"):
            current = current_key_id()
            old = {}
            for field in fields:
                value = row.__dict__.get(field.attname)
                if isinstance(value, Sealed) and value.key_id != current:
                    old[field.attname] = getattr(row, field.attname)
            if old:
                model._default_manager.filter(pk=row.pk).update(**old)
                changed += len(old)
    return changed
