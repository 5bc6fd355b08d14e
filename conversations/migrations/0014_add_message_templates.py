"""Add message templates, and use the one template that a number had until now for outcomes."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import core.clock
import core.ids
import core.tenancy.scope
from core.tenancy.scope import platform_scope, tenant_scope


def keep_former_templates(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    accounts, templates = (apps.get_model("conversations", name) for name in ("ChannelAccount", "MessageTemplate"))
    with platform_scope():
        tenants = list(apps.get_model("accounts", "Tenant").objects.values_list("pk", flat=True))
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            for account in accounts.objects.filter(tenant_id=tenant_id, kind="whatsapp"):
                former = (account.credentials or {}).pop("template_sid", "")
                if not former:
                    continue
                name, _, language = former.partition(":")
                # The text is the provider's: the next sweep fetches it. It has one variable.
                template = templates.objects.create(
                    tenant_id=tenant_id,
                    channel_account=account,
                    name=name,
                    language=language or "en",
                    provider_id=former if not language else "",
                    state="approved",
                    body="{{1}}",
                    variables=["1"],
                )
                account.template_uses = {"outcome": {template.language: str(template.pk)}}
                account.save(update_fields=["credentials", "template_uses"])


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0013_add_slack"),
    ]

    operations = [
        migrations.AddField(
            model_name="channelaccount",
            name="template_uses",
            field=models.JSONField(default=dict, editable=False, help_text="Templates by use and language: their ids."),
        ),
        migrations.CreateModel(
            name="MessageTemplate",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("name", models.CharField(max_length=512)),
                ("language", models.CharField(max_length=16)),
                ("provider_id", models.CharField(max_length=80)),
                ("category", models.CharField(blank=True, max_length=20)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("approved", "Approved"),
                            ("pending", "In review"),
                            ("paused", "Paused"),
                            ("rejected", "Rejected"),
                            ("disabled", "Disabled"),
                            ("gone", "Deleted"),
                        ],
                        max_length=8,
                    ),
                ),
                ("body", models.TextField(blank=True)),
                ("components", models.JSONField(default=list)),
                (
                    "variables",
                    models.JSONField(default=list, help_text="Names of the variables of the text, in order."),
                ),
                ("synced_at", models.DateTimeField(default=core.clock.now)),
                (
                    "channel_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="templates",
                        to="conversations.channelaccount",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "channel_account", "name", "language"), name="one_template_per_language"
                    )
                ],
            },
        ),
        migrations.RunPython(keep_former_templates, migrations.RunPython.noop),
    ]
