"""Add drafts, the active version of an agent, and the history of activations; the newest version is the active one."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery

import core.clock
import core.ids
import core.tenancy.scope
from core.tenancy.scope import platform_scope, tenant_scope


def activate_newest(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    agents, versions = apps.get_model("agents", "Agent"), apps.get_model("agents", "AgentVersion")
    with platform_scope():
        tenants = list(apps.get_model("accounts", "Tenant").objects.values_list("pk", flat=True))
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            own = agents.objects.filter(tenant_id=tenant_id)
            newest = versions.objects.filter(agent_id=OuterRef("pk")).order_by("-number").values("pk")[:1]
            own.update(active_version_id=Subquery(newest))
            of_version = agents.objects.filter(pk=OuterRef("agent_id")).values("name")[:1]
            versions.objects.filter(tenant_id=tenant_id).update(name=Subquery(of_version))


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0005_add_files_and_open_questions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AgentActivation",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("is_roll_back", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
        ),
        migrations.AddField(
            model_name="agent",
            name="active_version",
            field=models.ForeignKey(
                editable=False,
                help_text="The version that answers; null until the first draft is activated.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="agents.agentversion",
            ),
        ),
        migrations.AddField(
            model_name="agentversion",
            name="co_authors",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(),
                default=list,
                help_text="Who else changed it while it was a draft.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="agentversion",
            name="is_draft",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="agentversion",
            name="name",
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name="agentversion",
            name="revision",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddConstraint(
            model_name="agentversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_draft", True)), fields=("tenant_id", "agent"), name="one_draft_per_agent"
            ),
        ),
        migrations.AddField(
            model_name="agentactivation",
            name="agent",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="activations", to="agents.agent"
            ),
        ),
        migrations.AddField(
            model_name="agentactivation",
            name="person",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="agentactivation",
            name="previous",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents.agentversion"
            ),
        ),
        migrations.AddField(
            model_name="agentactivation",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="activations", to="agents.agentversion"
            ),
        ),
        migrations.AddIndex(
            model_name="agentactivation",
            index=models.Index(fields=["tenant_id", "agent", "-created_at"], name="activations_by_agent"),
        ),
        migrations.RunPython(activate_newest, migrations.RunPython.noop),
    ]
