"""Encrypt stored values again with the current key, by tenant and in batches, and count how far that is."""

from functools import reduce
from operator import or_
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.db import models, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest, Substr

from core.clock import now
from core.db.roles import allow_long_statements
from core.errors import Unavailable
from core.models.keys import KeyRotation
from core.observability.logging import get_logger
from core.privacy.encrypted_fields import EncryptedTextField, Sealed
from core.privacy.encryption import current_key_id, head_of, key_ring
from core.tenancy.scope import platform_scope, tenant_scope

log = get_logger(__name__)
BATCH: Final = 200


def encrypted_models() -> list[tuple[type[models.Model], list[EncryptedTextField]]]:
    """Return every model with encrypted fields, and those fields."""
    found = []
    for model in apps.get_models():
        fields = [f for f in model._meta.local_fields if isinstance(f, EncryptedTextField)]
        if fields:
            found.append((model, fields))
    return found


def outdated(model: type[models.Model], fields: list[EncryptedTextField]) -> QuerySet[Any]:
    """Return the rows in scope that have a value under an older key, in the order of their keys."""
    head = head_of(current_key_id())
    heads = {f"head_of_{f.name}": Substr(f.name, 1, len(head), output_field=models.BinaryField()) for f in fields}
    older = (Q(**{f"{f.name}__isnull": False}) & ~Q(**{f"head_of_{f.name}": head}) for f in fields)
    rows: QuerySet[Any] = model._default_manager.alias(**heads).filter(reduce(or_, older)).order_by("pk")
    return rows


def count_outdated() -> None:
    """Count the rows under older keys over all tenants, as what is still to do for the current key."""
    key_id = current_key_id()
    # Not those of a key that this process lacks: others have newer WALKER_KEYS, and go on.
    KeyRotation.objects.filter(key_id__in=list(key_ring())).exclude(key_id=key_id).delete()
    for model, fields in encrypted_models():
        with platform_scope(), transaction.atomic():  # a number, no row of anyone
            allow_long_statements()
            left = outdated(model, fields).count()
        counted = {"key_id": key_id, "model": model._meta.label}
        if left:
            KeyRotation.objects.bulk_create([KeyRotation(**counted)], ignore_conflicts=True)
        KeyRotation.objects.filter(**counted).update(total=F("done") + left)


def progress() -> list[KeyRotation]:
    """Return what is done and to do of each table for the current key, as it was last counted. One query."""
    labels = [model._meta.label for model, _ in encrypted_models()]
    return list(KeyRotation.objects.filter(key_id=current_key_id(), model__in=labels).order_by("model"))


def rotate_tenant(tenant_id: UUID) -> int:
    """Encrypt the tenant's rows with an older key again; return how many. Safe while running, and to repeat.

    A row that can't be decrypted stays as it is, and the log names it.
    """
    with tenant_scope(tenant_id):
        return sum(_rotate_table(model, fields) for model, fields in encrypted_models())


def _rotate_table(model: type[models.Model], fields: list[EncryptedTextField]) -> int:
    """Encrypt rows again in batches, each counted in its transaction: a kill leaves none that is done uncounted."""
    older, changed = outdated(model, fields).values_list("pk", flat=True), 0
    rows = older
    while True:
        with transaction.atomic():
            allow_long_statements()
            page = list(rows[:BATCH])
            done = _rotate_rows(model, fields, page)
            if done:
                counted = KeyRotation.objects.filter(key_id=current_key_id(), model=model._meta.label)
                # Rows may have come under an older key since they were counted: they make up for none of another table.
                total = Greatest(F("total"), F("done") + done)
                counted.update(done=F("done") + done, total=total, changed_at=now())
        changed += done
        if not page:
            return changed
        rows = older.filter(pk__gt=page[-1])


def _rotate_rows(model: type[models.Model], fields: list[EncryptedTextField], page: list[UUID]) -> int:
    """Lock these rows and encrypt those again that still have an older key; return how many."""
    current, done = current_key_id(), 0
    locked = model._default_manager.select_for_update().only("tenant_id", *(field.name for field in fields))
    for pk in page:
        row = locked.filter(pk=pk).first()  # one at a time: it may hold a file
        kept = row.__dict__ if row is not None else {}
        sealed = {f.attname: kept[f.attname] for f in fields if isinstance(kept.get(f.attname), Sealed)}
        try:
            old = {name: getattr(row, name) for name, value in sealed.items() if value.key_id != current}
        except Unavailable:
            log.warning("row_keeps_its_key", model=model._meta.label, row=str(pk))
            continue
        if old:
            done += model._default_manager.filter(pk=pk).update(**old)
    return done
