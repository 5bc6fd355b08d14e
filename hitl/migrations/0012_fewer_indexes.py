"""Drops the indexes that no list, guard or constraint reads: each was written with every move of an approval."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import migrations, models
from django.db.models.deletion import PROTECT

_PERSON = settings.AUTH_USER_MODEL
_MAYBE: dict[str, Any] = {"null": True, "related_name": "+"}
_SURE: dict[str, Any] = {"related_name": "+"}
# The tenant's own composite indexes begin with the same columns, or nobody looks for rows by the column.
_UNSOUGHT: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("approval", "assigned_to", _PERSON, _MAYBE),
    ("approval", "decided_by", _PERSON, _MAYBE),
    ("approval", "requester", _PERSON, _MAYBE),
    ("approval", "superseded_by", "hitl.approval", _MAYBE),
    ("approval", "workflow", "hitl.approvalworkflow", _MAYBE),
    ("decision", "approval", "hitl.approval", {"related_name": "decisions"}),
    ("decision", "on_behalf_of", _PERSON, _MAYBE),
    ("decision", "person", _PERSON, _MAYBE),
    ("execution", "approval", "hitl.approval", {"related_name": "executions"}),
    ("notification", "recipient", _PERSON, _SURE),
    ("seat", "approval", "hitl.approval", {"related_name": "seats"}),
    ("seat", "for_person", _PERSON, _MAYBE),
    ("seat", "person", _PERSON, _SURE),
    ("seat", "rightful", _PERSON, _MAYBE),
    ("seat", "via", "hitl.delegation", _MAYBE),
    ("timer", "approval", "hitl.approval", {"related_name": "timers"}),
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("hitl", "0011_rights_on_one_workflow"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations: ClassVar = [
        # The key to which other tables refer, (tenant_id, id), is read backwards for the newest.
        migrations.RemoveIndex(model_name="approval", name="approvals_newest"),
        *(
            migrations.AlterField(model, name, models.ForeignKey(to, on_delete=PROTECT, db_index=False, **more))
            for model, name, to, more in _UNSOUGHT
        ),
    ]
