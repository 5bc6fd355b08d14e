"""Count how many messages of a run are answered, instead of noting it with each of them."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from core.tenancy.scope import platform_scope, tenant_scope


def count(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    runs, inputs = apps.get_model("agents", "AgentRun"), apps.get_model("agents", "AgentRunMessage")
    with platform_scope():
        tenants = list(apps.get_model("accounts", "Tenant").objects.values_list("pk", flat=True))
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            own = inputs.objects.filter(tenant_id=tenant_id)
            so_far = own.filter(run=OuterRef("run"), created_at__lte=OuterRef("created_at"))
            own.update(number=_counted(so_far))
            answered = own.filter(run=OuterRef("pk"), answered_at__isnull=False)
            runs.objects.filter(tenant_id=tenant_id).update(answered=Coalesce(_counted(answered), 0))


def _counted(rows: models.QuerySet) -> Subquery:
    return Subquery(rows.order_by().values("run").annotate(rows=Count("pk")).values("rows"))


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0022_tool_calls_by_day"),
    ]

    operations = [
        migrations.AddField(
            model_name="agentrun",
            name="answered",
            field=models.PositiveIntegerField(default=0, help_text="How many of its messages the last answer covers."),
        ),
        migrations.AddField(
            model_name="agentrunmessage",
            name="number",
            field=models.PositiveIntegerField(default=1, help_text="Which of the run's messages it is, from 1."),
            preserve_default=False,
        ),
        migrations.RunPython(count, migrations.RunPython.noop),
        migrations.RemoveField(model_name="agentrunmessage", name="answered_at"),
    ]
