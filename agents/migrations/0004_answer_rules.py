"""Answer rules: which agent answers where."""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("agents", "0003_run_chosen_by"),
        ("conversations", "0004_guard_erasures"),
        ("hitl", "0008_keep_notes"),
    ]

    operations = [
        migrations.CreateModel(
            name="AnswerRule",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("name", models.CharField(max_length=60)),
                ("position", models.PositiveIntegerField(default=0, help_text="Rules are tried in this order.")),
                (
                    "within_hours",
                    models.BooleanField(default=True, help_text="Within the calendar's hours; false for outside them."),
                ),
                (
                    "condition",
                    models.CharField(help_text='Such as `language == "de"`; empty meets everything.', max_length=500),
                ),
                ("is_active", models.BooleanField(default=False)),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "agent",
                    models.ForeignKey(
                        help_text="Empty: no agent, a person.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.agent",
                    ),
                ),
                (
                    "calendar",
                    models.ForeignKey(
                        help_text="Empty counts at any time.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="hitl.businesscalendar",
                    ),
                ),
                (
                    "channel_account",
                    models.ForeignKey(
                        help_text="Empty counts for all.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.channelaccount",
                    ),
                ),
                (
                    "fallback",
                    models.ForeignKey(
                        help_text="Answers while the agent can't.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.agent",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        help_text="Empty counts for all, and for none.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.team",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("tenant_id"),
                        django.db.models.functions.text.Lower("name"),
                        name="one_answer_rule_per_name",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("fallback", None),
                            models.Q(
                                ("agent__isnull", False), models.Q(("fallback", models.F("agent")), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="fallback_is_another_agent",
                    ),
                ],
            },
        ),
    ]
