"""One row in every tenant-owned table: what the wall is tried against."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import DatabaseError, connection, models, transaction
from guardian.shortcuts import assign_perm

from accounts.models import User
from agents.knowledge.vector_models import RealArray
from core.clock import now
from core.db.transaction_ids import TransactionIdField
from core.ids import uuid7
from core.privacy.encrypted_fields import EncryptedJSONField
from core.tenancy import rls
from core.tenancy.models import TenantModel
from hitl.approvals.integrity.decision_mac import sign
from hitl.approvals.models.fields import machine_writes
from hitl.models import Approval, Decision
from tests.database.sealing import seal

MARK = "Quagga"
# One column says what another one names: a made-up pair is nothing that a service writes.
BOUND = frozenset({"Cap"})
# Of several references the table takes exactly one.
CHOSEN = {"conversations.CustomValue": "contact", "accounts.Share": "user"}
WORTHS: dict[type[models.Field[Any, Any]], Callable[[], Any]] = {
    EncryptedJSONField: lambda: {"text": MARK},
    models.DateTimeField: lambda: now() + timedelta(hours=1),
    models.DateField: lambda: now().date(),
    models.UUIDField: uuid4,
    models.BooleanField: lambda: True,
    models.IntegerField: lambda: 1,
    models.DecimalField: lambda: 1,
    models.JSONField: dict,
    ArrayField: lambda: [MARK[:3]],
    TransactionIdField: lambda: "1",
    RealArray: lambda: [0.5],
    models.BinaryField: lambda: b"\x00",
}


def tenant_models() -> list[type[TenantModel]]:
    """Return our own walled models, parents before children."""
    left = [model for model in rls.all_models() if issubclass(model, TenantModel)]
    done: list[type[TenantModel]] = []
    while left:
        ready = [model for model in left if not _parents(model) & (set(left) - {model})]
        done += ready
        left = [model for model in left if model not in ready]
    return done


def _parents(model: type[models.Model]) -> set[Any]:
    return {field.related_model for field in model._meta.local_fields if field.is_relation and not field.null}


def fill_every_table(user: User) -> None:
    """Make a row in each table of the tenant in scope that has none yet."""
    for model in tenant_models():
        if not model._default_manager.exists():
            row = model(**required(model, user))
            if isinstance(row, Decision):
                sign(row)
            row.save(force_insert=True)
    with transaction.atomic():
        seal(*Approval.objects.all())
    if not LogEntry.objects.exists():
        LogEntry.objects.create(user=user, object_repr=MARK, action_flag=2, change_message=MARK)
        workflow = next(model for model in tenant_models() if model.__name__ == "ApprovalWorkflow")
        row = workflow._default_manager.first()
        assign_perm("view_approvalworkflow", user, row)
        assign_perm("view_approvalworkflow", Group.objects.create(name=uuid7().hex), row)


def add_every_shape(user: User) -> int:
    """Add a row for each value of each column with choices, bare and full, where the tables' own rules take it.

    Returns how many the tables took. A full row has its empty times, numbers and references filled.
    """
    took = 0
    for model in tenant_models():
        chosen = [field for field in model._meta.local_fields if field.choices and model.__name__ not in BOUND]
        shapes: list[dict[str, Any]] = [{field.name: value} for field in chosen for value in dict(field.flatchoices)]
        for shape in ({}, *shapes):
            filled = {field.name: _worth(field, user) for field in model._meta.local_fields if _is_fillable(field)}
            took += _takes(model, {**required(model, user), **shape})
            took += _takes(model, {**required(model, user), **filled, **shape})
    with transaction.atomic():
        seal(*Approval.objects.all())
    return took


def _is_fillable(field: models.Field[Any, Any]) -> bool:
    plain = (models.DateTimeField, models.DateField, models.BooleanField, models.IntegerField, models.DecimalField)
    return field.null and (field.is_relation or isinstance(field, (*plain, models.UUIDField))) and not field.choices


def _takes(model: type[models.Model], values: dict[str, Any]) -> bool:
    """Insert a row unless the table's rules refuse it; texts are told apart, since many have to be unique."""
    word = f"{MARK} {uuid7().hex[-6:]}"
    row = model(**{name: word if value == MARK else value for name, value in values.items()})
    if isinstance(row, Decision):
        sign(row)
    try:
        with transaction.atomic(), machine_writes():
            row.save(force_insert=True)
    except DatabaseError:
        return False
    return True


def required(model: type[models.Model], user: User) -> dict[str, Any]:
    """Return what a row must have, of rows that are there."""
    chosen = CHOSEN.get(model._meta.label)
    needed = [field for field in model._meta.local_fields if _is_needed(field) or field.name == chosen]
    return {field.name: _worth(field, user) for field in needed}


def _is_needed(field: models.Field[Any, Any]) -> bool:
    return not (field.null or field.has_default() or field.blank) and field.name != "tenant_id"


def _worth(field: models.Field[Any, Any], user: User) -> Any:
    if field.is_relation:
        parent: Any = field.related_model
        return user if parent is User else parent._default_manager.first()
    if field.name == "approval_id":  # no reference, but pages link there
        return Approval._default_manager.values_list("pk", flat=True).first()
    if field.choices:
        return next(iter(field.choices))[0]
    if field.model._meta.label == "conversations.ChannelAccount" and field.name in ("kind", "provider"):
        return "sandbox"
    made = next((make for kind, make in WORTHS.items() if isinstance(field, kind)), lambda: MARK)
    value = made()
    return value[: field.max_length] if isinstance(value, str) else value


def snapshot() -> dict[str, str]:
    """Return a digest of the rows of each walled table that the scope shows."""
    return _digests(rls.walled_tables())


class Watched:
    """The walled tables while one test writes in its transaction: only what was written to is read again."""

    def __init__(self) -> None:
        self.digests, self.writes = snapshot(), _writes()

    def changed(self) -> set[str]:
        """Return the tables whose rows differ from those of the last time."""
        writes, before = _writes(), self.digests
        touched = [name for name in before if writes.get(name) != self.writes.get(name)]
        self.digests, self.writes = {**before, **_digests(touched)}, writes
        return {name for name in touched if before[name] != self.digests[name]}


def _digests(tables: Iterable[str]) -> dict[str, str]:
    parts = [
        f"select '{name}', md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from \"{name}\" t"
        for name in tables
    ]
    if not parts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(" union all ".join(parts))
        return dict(cursor.fetchall())


def _writes() -> dict[str, int]:
    """Return how many rows of each table this transaction wrote, also those taken back by a savepoint."""
    with connection.cursor() as cursor:
        cursor.execute("select relname, n_tup_ins + n_tup_upd + n_tup_del from pg_stat_xact_user_tables")
        return dict(cursor.fetchall())


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Return the tables that differ."""
    return {name for name in before if before[name] != after[name]}
