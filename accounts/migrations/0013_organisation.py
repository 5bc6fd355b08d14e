"""The organisation's language, support name, logo and history of settings, and tiers with what it may use."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0012_company_sign_in"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tier",
            fields=[
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=40, unique=True)),
                ("members", models.PositiveIntegerField(help_text="Active members.", null=True)),
                ("agents", models.PositiveIntegerField(help_text="Agents of its own, drafts too.", null=True)),
                ("channels", models.PositiveIntegerField(help_text="Channels that are switched on.", null=True)),
                (
                    "messages",
                    models.PositiveIntegerField(help_text="Messages a day, of customers and to them.", null=True),
                ),
                (
                    "model_spend",
                    models.DecimalField(
                        decimal_places=2,
                        help_text="What models may cost a month, in its own currency.",
                        max_digits=14,
                        null=True,
                    ),
                ),
                ("requests", models.PositiveIntegerField(help_text="Requests to the API a minute.", null=True)),
                (
                    "sockets",
                    models.PositiveIntegerField(help_text="Live connections of the console and of apps.", null=True),
                ),
                ("storage", models.PositiveIntegerField(help_text="Megabytes of files.", null=True)),
                ("version", models.PositiveIntegerField(default=1)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("requests", None), ("requests__gt", 0), _connector="OR"),
                        name="tiers_allow_requests",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="tenant",
            name="language",
            field=models.CharField(default="en", help_text="What members begin with.", max_length=2),
        ),
        migrations.AddField(
            model_name="tenant",
            name="support_name",
            field=models.CharField(
                blank=True, default="", help_text="The sender's name of emails to customers.", max_length=60
            ),
        ),
        migrations.AddField(
            model_name="tenant",
            name="tier",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="organisations",
                to="accounts.tier",
            ),
        ),
        migrations.CreateModel(
            name="SettingChange",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("key", models.CharField(max_length=30)),
                ("value", models.JSONField()),
                (
                    "changed_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "key", "-id"], name="setting_changes_by_key")],
            },
        ),
        migrations.CreateModel(
            name="OrganisationLogo",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("content", models.BinaryField(help_text="A small picture.")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant_id",), name="one_logo")],
            },
        ),
    ]
