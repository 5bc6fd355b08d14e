"""Agents, their versions, runs and tool calls."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("conversations", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Agent",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("name", models.CharField(max_length=80)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("paid_ads", "Paid Ads"),
                            ("seo", "SEO"),
                            ("content", "Content"),
                            ("audience", "Audience"),
                            ("custom", "Custom"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "category",
                    models.CharField(
                        choices=[
                            ("advertising", "Advertising"),
                            ("search", "Search"),
                            ("content", "Content"),
                            ("messaging", "Messaging"),
                        ],
                        max_length=12,
                    ),
                ),
                ("is_system", models.BooleanField(default=False)),
                ("configuration", models.JSONField(blank=True, default=dict)),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "type", "is_active"], name="agents_by_type")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_system", True)),
                        fields=("tenant_id", "type"),
                        name="one_system_agent_per_type",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AgentVersion",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="agents.agent"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("prompt", models.TextField(blank=True)),
                ("tools", models.JSONField(default=list)),
                ("orchestrator", models.CharField(default="builtin", max_length=20)),
                ("model", models.CharField(default="local", max_length=20)),
                ("model_name", models.CharField(blank=True, max_length=80)),
                ("max_open_approvals", models.PositiveSmallIntegerField(null=True)),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "agent", "number"), name="one_version_per_number")
                ],
            },
        ),
        migrations.CreateModel(
            name="AgentRun",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runs",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "agent_version",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="agents.agentversion"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("waiting", "Waiting for approval"),
                            ("finished", "Finished"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                (
                    "trigger",
                    models.CharField(
                        choices=[("message", "Message"), ("approval", "Decision"), ("uncertain", "Uncertain outcome")],
                        default="message",
                        max_length=9,
                    ),
                ),
                ("trigger_ref", models.UUIDField()),
                ("generation", models.PositiveIntegerField(default=1)),
                ("first_message_at", models.DateTimeField(default=core.clock.now)),
                ("joinable_until", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("rounds", models.PositiveSmallIntegerField(default=0)),
                ("input_tokens", models.PositiveIntegerField(default=0)),
                ("output_tokens", models.PositiveIntegerField(default=0)),
                ("error_code", models.CharField(blank=True, max_length=40)),
                ("reply_id", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "conversation", "-created_at"], name="runs_by_conversation"),
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "running"])),
                        fields=["lease_until"],
                        name="runs_to_sweep",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "running")),
                        fields=("tenant_id", "conversation"),
                        name="one_running_run_per_conversation",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "queued"), ("trigger", "message")),
                        fields=("tenant_id", "conversation"),
                        name="one_queued_message_run_per_conversation",
                    ),
                    models.UniqueConstraint(fields=("tenant_id", "trigger", "trigger_ref"), name="one_run_per_trigger"),
                ],
            },
        ),
        migrations.CreateModel(
            name="AgentRunMessage",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="inputs", to="agents.agentrun"
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="conversations.message"
                    ),
                ),
                ("answered_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "run"], name="inputs_by_run")],
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "message"), name="one_run_per_message")],
            },
        ),
        migrations.CreateModel(
            name="ToolCall",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tool_calls", to="agents.agentrun"
                    ),
                ),
                ("call_id", models.CharField(max_length=80)),
                ("name", models.CharField(max_length=60)),
                ("fingerprint", models.CharField(max_length=64)),
                ("arguments", models.JSONField(default=dict)),
                ("result", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                            ("failed", "Failed"),
                        ],
                        default="running",
                        max_length=8,
                    ),
                ),
                ("round", models.PositiveSmallIntegerField(default=1)),
                ("approval_id", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "approval_id"], name="tool_calls_by_approval")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "run", "call_id"), name="one_tool_call_per_id"),
                    models.UniqueConstraint(
                        condition=models.Q(("fingerprint", ""), _negated=True),
                        fields=("tenant_id", "run", "fingerprint"),
                        name="one_tool_call_per_wish",
                    ),
                ],
            },
        ),
    ]
