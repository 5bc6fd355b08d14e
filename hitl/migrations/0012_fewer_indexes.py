"""Drops the indexes that no list, guard or constraint reads: each was written with every move of an approval."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import migrations, models
from django.db.models.deletion import PROTECT

_PERSON = settings.AUTH_USER_MODEL
_MAYBE: dict[str, Any] = {"null": True, "related_name": "+"}
_SURE: dict[str, Any] = {"related_name": "+"}
# The tenant's own composite indexes begin with the same columns, or nobody looks for rows by the column. Last: how
# Django marked the index in its name.
_UNSOUGHT: tuple[tuple[str, str, str, dict[str, Any], str], ...] = (
    ("approval", "assigned_to", _PERSON, _MAYBE, "1bc0b201"),
    ("approval", "decided_by", _PERSON, _MAYBE, "84c9f8ce"),
    ("approval", "requester", _PERSON, _MAYBE, "50d18897"),
    ("approval", "superseded_by", "hitl.approval", _MAYBE, "97f77b01"),
    ("approval", "workflow", "hitl.approvalworkflow", _MAYBE, "182af46a"),
    ("decision", "approval", "hitl.approval", {"related_name": "decisions"}, "91744d2b"),
    ("decision", "on_behalf_of", _PERSON, _MAYBE, "debdc81b"),
    ("decision", "person", _PERSON, _MAYBE, "883a91bb"),
    ("execution", "approval", "hitl.approval", {"related_name": "executions"}, "8049005f"),
    ("notification", "recipient", _PERSON, _SURE, "9c1aa7a8"),
    ("seat", "approval", "hitl.approval", {"related_name": "seats"}, "a2029cf8"),
    ("seat", "for_person", _PERSON, _MAYBE, "1f5eff27"),
    ("seat", "person", _PERSON, _SURE, "12c65439"),
    ("seat", "rightful", _PERSON, _MAYBE, "b39b7a2c"),
    ("seat", "via", "hitl.delegation", _MAYBE, "57c4f286"),
    ("timer", "approval", "hitl.approval", {"related_name": "timers"}, "00a523b7"),
)


def _drop_index(model: str, name: str, mark: str) -> migrations.RunSQL:
    return migrations.RunSQL(f"drop index concurrently if exists hitl_{model}_{name}_id_{mark}")


class Migration(migrations.Migration):
    # `AlterField` would check every foreign key anew under locks that stop sign-ins; dropping stops nobody.
    atomic = False
    dependencies: ClassVar = [
        ("hitl", "0011_rights_on_one_workflow"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [
                # The key to which other tables refer, (tenant_id, id), is read backwards for the newest.
                migrations.RunSQL("drop index concurrently if exists approvals_newest"),
            ],
            [migrations.RemoveIndex(model_name="approval", name="approvals_newest")],
        ),
        *(
            migrations.SeparateDatabaseAndState(
                [_drop_index(model, name, mark)],
                [migrations.AlterField(model, name, models.ForeignKey(to, on_delete=PROTECT, db_index=False, **more))],
            )
            for model, name, to, more, mark in _UNSOUGHT
        ),
    ]
