"""Seal the requests that have compliance flags again: the seal covers the flags from now on.

A request that was changed outside the application is left as it is, and found.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from core.actors import system
from core.tenancy.scope import platform_scope, tenant_scope
from hitl.approvals.integrity.seals import Tables, first_broken, load_rows, newest_entries, seal_as_stored

PAGE = 500


def seal_flags(apps: Apps, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
    names = ("Approval", "Assignment", "Decision", "Execution")
    tables = Tables(*(apps.get_model("hitl", name) for name in names))
    flagged = tables.approval.objects.exclude(compliance_flags=[]).exclude(seal="")
    with platform_scope():
        found = list(flagged.order_by("tenant_id", "id").values_list("tenant_id", "id"))
    for tenant_id in dict.fromkeys(tenant for tenant, _ in found):
        ids = [key for tenant, key in found if tenant == tenant_id]
        with tenant_scope(tenant_id):
            for start in range(0, len(ids), PAGE):
                intact = _intact(ids[start : start + PAGE], tables)
                seal_as_stored(intact, system("upgrade"), tables)


def _intact(ids: list, tables: Tables) -> list:
    rows, entries = load_rows(ids, tables), newest_entries(ids)
    intact = []
    for approval in tables.approval.objects.filter(pk__in=ids).order_by("pk"):
        # As it was sealed: what is empty is not in a seal.
        flags, approval.compliance_flags = approval.compliance_flags, []
        only_derived = {*flags} <= {"override", "override_reviewed"}  # nothing else set flags until now
        if only_derived and not first_broken(approval, rows[approval.pk], entries.get(approval.pk)):
            intact.append(approval.pk)
    return intact


class Migration(migrations.Migration):
    dependencies = [
        ("hitl", "0018_add_compliance_flags"),
    ]

    operations = [
        migrations.RunPython(seal_flags, migrations.RunPython.noop),
    ]
