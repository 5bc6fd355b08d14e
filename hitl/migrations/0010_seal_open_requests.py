"""Seal the requests that were open before seals existed, once, each with an audit entry.

From then on a request without a seal was changed outside the application.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from core.actors import system
from core.tenancy.scope import platform_scope, tenant_scope
from hitl.approvals.integrity.seals import Tables, seal_as_stored
from hitl.domain.state_machine import OPEN


def seal_open_requests(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    states = [state.value for state in OPEN]
    names = ("Approval", "Assignment", "Decision", "Execution")
    tables = Tables(*(apps.get_model("hitl", name) for name in names))
    rows = tables.approval.objects.filter(state__in=states, seal="")
    with platform_scope():
        found = list(rows.order_by("tenant_id", "id").values_list("tenant_id", "id"))
    for tenant_id in dict.fromkeys(tenant for tenant, _ in found):
        with tenant_scope(tenant_id):
            seal_as_stored([key for tenant, key in found if tenant == tenant_id], system("upgrade"), tables)


class Migration(migrations.Migration):
    dependencies = [
        ("hitl", "0009_seals"),
        # Where its audit entries are written.
        ("core", "0002_number_types"),
    ]

    operations = [
        migrations.RunPython(seal_open_requests, migrations.RunPython.noop),
    ]
