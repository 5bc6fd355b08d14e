"""Triage rules."""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0023_add_tags"),
    ]

    operations = [
        migrations.CreateModel(
            name="TriageRule",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("name", models.CharField(max_length=60)),
                ("position", models.PositiveIntegerField(default=0, help_text="Rules are tried in this order.")),
                (
                    "condition",
                    models.CharField(help_text='Such as `"refund" in words`; empty meets everything.', max_length=500),
                ),
                (
                    "priority",
                    models.PositiveSmallIntegerField(
                        choices=[(1, "Low"), (2, "Normal"), (3, "High"), (4, "Urgent")], null=True
                    ),
                ),
                (
                    "goes_on",
                    models.BooleanField(
                        default=False, help_text="The rules after it are tried too, for what it leaves open."
                    ),
                ),
                ("is_active", models.BooleanField(default=False)),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "tag",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.tag",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.team",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Triage",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "rule_name",
                    models.CharField(
                        help_text="The names of the rules that it met, as they were then.", max_length=200
                    ),
                ),
                (
                    "facts",
                    models.JSONField(default=dict, help_text="What the rules looked at, without the customer's words."),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="triages",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.triagerule",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddConstraint(
            model_name="triagerule",
            constraint=models.UniqueConstraint(
                models.F("tenant_id"), django.db.models.functions.text.Lower("name"), name="one_triage_rule_per_name"
            ),
        ),
    ]
