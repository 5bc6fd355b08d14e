"""Approvals and what belongs to one: approvers, decisions, revisions, executions, timers, notifications."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope
import hitl.approvals.models.fields


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("hitl", "0001_policies"),
    ]

    operations = [
        migrations.CreateModel(
            name="Approval",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("reference", models.CharField(max_length=20)),
                (
                    "state",
                    hitl.approvals.models.fields.StateField(
                        choices=[
                            ("pending", "Pending"),
                            ("info_requested", "Info requested"),
                            ("returned", "Returned"),
                            ("approved", "Approved"),
                            ("executing", "Executing"),
                            ("unknown", "Unknown"),
                            ("executed", "Executed"),
                            ("failed", "Failed"),
                            ("rejected", "Rejected"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                            ("superseded", "Superseded"),
                        ],
                        max_length=20,
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "holds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), blank=True, default=list, size=None
                    ),
                ),
                ("hold_reason", models.CharField(blank=True, max_length=200)),
                ("kind", models.CharField(max_length=60)),
                ("kind_version", models.PositiveIntegerField()),
                ("revision", models.PositiveIntegerField(default=1)),
                ("payload", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("summary", models.CharField(max_length=300)),
                ("preview", models.JSONField(default=dict)),
                ("preview_url", models.CharField(blank=True, max_length=500)),
                ("facts", models.JSONField(default=dict)),
                ("facts_digest", models.CharField(max_length=64)),
                ("drift", models.JSONField(blank=True, default=list)),
                ("subject_key", models.CharField(max_length=200)),
                ("dedupe_key", models.CharField(blank=True, max_length=200)),
                ("risk_score", models.PositiveSmallIntegerField()),
                (
                    "risk_level",
                    models.CharField(
                        choices=[("low", "Low"), ("medium", "Medium"), ("high", "High"), ("critical", "Critical")],
                        max_length=10,
                    ),
                ),
                ("risk_factors", models.JSONField(default=list)),
                ("risk_version", models.PositiveSmallIntegerField()),
                ("risk_policy", models.PositiveIntegerField(default=0)),
                ("cost", models.DecimalField(decimal_places=2, max_digits=16, null=True)),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("reach", models.BigIntegerField(null=True)),
                (
                    "requester",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("requester_kind", models.CharField(max_length=10)),
                ("agent_id", models.UUIDField(null=True)),
                ("conversation_id", models.UUIDField(null=True)),
                ("run_id", models.UUIDField(null=True)),
                ("tool_call_id", models.UUIDField(null=True)),
                ("channel", models.CharField(blank=True, max_length=20)),
                ("address", models.CharField(blank=True, max_length=45)),
                ("user_agent", models.CharField(blank=True, max_length=200)),
                ("notes", models.TextField(blank=True)),
                (
                    "excluded",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None),
                ),
                (
                    "contact_tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), blank=True, default=list, size=None
                    ),
                ),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), blank=True, default=list, size=None
                    ),
                ),
                (
                    "compliance_flags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), blank=True, default=list, size=None
                    ),
                ),
                ("custom", models.JSONField(blank=True, default=dict)),
                (
                    "workflow",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="hitl.approvalworkflow",
                    ),
                ),
                ("workflow_version", models.PositiveIntegerField(default=0)),
                ("snapshot", models.JSONField()),
                ("level", models.PositiveSmallIntegerField(default=1)),
                ("votes_required", models.PositiveSmallIntegerField(default=1)),
                ("votes_received", models.PositiveSmallIntegerField(default=0)),
                (
                    "assigned_to",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("priority", models.PositiveSmallIntegerField(default=0)),
                ("rounds", models.PositiveSmallIntegerField(default=0)),
                ("escalation_step", models.PositiveSmallIntegerField(default=0)),
                ("paused_clocks", models.JSONField(blank=True, default=dict)),
                (
                    "superseded_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="hitl.approval",
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now)),
                ("expires_at", models.DateTimeField()),
                ("execute_by", models.DateTimeField(null=True)),
                ("sla_due_at", models.DateTimeField(null=True)),
                ("sla_breached_at", models.DateTimeField(null=True)),
                ("sla_minutes_over", models.PositiveIntegerField(default=0)),
                ("escalated_at", models.DateTimeField(null=True)),
                ("escalated_to", models.CharField(blank=True, max_length=80)),
                ("escalation_reason", models.CharField(blank=True, max_length=200)),
                ("reminder_count", models.PositiveSmallIntegerField(default=0)),
                ("last_reminder_at", models.DateTimeField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_name", models.CharField(blank=True, max_length=80)),
                ("decided_role", models.CharField(blank=True, max_length=20)),
                ("decided_as", models.CharField(blank=True, max_length=20)),
                ("moved_at", models.DateTimeField(default=core.clock.now)),
                ("resolved_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "state", "-id"], name="approvals_by_state"),
                    models.Index(fields=["tenant_id", "kind", "-id"], name="approvals_by_kind"),
                    models.Index(fields=["tenant_id", "risk_level", "-id"], name="approvals_by_risk"),
                    models.Index(
                        condition=models.Q(("state__in", ["pending", "info_requested"])),
                        fields=["tenant_id", "risk_level", "-id"],
                        name="approvals_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("state__in", ["pending", "info_requested"])),
                        fields=["tenant_id", "sla_due_at"],
                        name="approvals_due",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("state__in", ["pending", "info_requested", "returned", "approved", "executing", "unknown"])
                        ),
                        fields=["tenant_id", "agent_id"],
                        name="approvals_open_agent",
                    ),
                    models.Index(
                        condition=models.Q(("conversation_id__isnull", False)),
                        fields=["tenant_id", "conversation_id", "-id"],
                        name="approvals_in_conversation",
                    ),
                    models.Index(fields=["tenant_id", "requester", "-id"], name="approvals_by_requester"),
                    models.Index(
                        condition=models.Q(("state__in", ["pending", "info_requested", "returned"])),
                        fields=["tenant_id", "subject_key"],
                        name="approvals_of_subject",
                    ),
                    models.Index(fields=["tenant_id", "created_at"], name="approvals_by_day"),
                    models.Index(
                        fields=["tenant_id", "decided_at"], include=("state",), name="approvals_decided_by_day"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "reference"), name="one_reference"),
                    models.UniqueConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                ["pending", "info_requested", "returned", "approved", "executing", "unknown"],
                            ),
                            models.Q(("dedupe_key", ""), _negated=True),
                        ),
                        fields=("tenant_id", "dedupe_key"),
                        name="one_open_per_dedupe_key",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("tool_call_id__isnull", False)),
                        fields=("tenant_id", "tool_call_id"),
                        name="one_approval_per_tool_call",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Revision",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="revisions", to="hitl.approval"
                    ),
                ),
                ("revision", models.PositiveIntegerField()),
                ("event", models.CharField(max_length=20)),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("actor_kind", models.CharField(max_length=10)),
                ("digest_before", models.CharField(max_length=64)),
                ("diff", models.JSONField(default=list)),
                ("risk_before", models.PositiveSmallIntegerField()),
                ("risk_after", models.PositiveSmallIntegerField()),
                ("created_at", models.DateTimeField(default=core.clock.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "approval", "revision"), name="one_change_per_revision"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Assignment",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "approval",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="hitl.approval",
                    ),
                ),
                ("revision", models.PositiveIntegerField()),
                ("level", models.PositiveSmallIntegerField()),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "via",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="hitl.delegation",
                    ),
                ),
                (
                    "rightful",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "for_person",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("level", "Named by the level"),
                            ("escalation", "Named by an escalation"),
                            ("reassigned", "Chosen by an administrator"),
                        ],
                        default="level",
                        max_length=10,
                    ),
                ),
                ("group", models.CharField(blank=True, max_length=80)),
                ("opened_at", models.DateTimeField(default=core.clock.now)),
                ("closed_at", models.DateTimeField(null=True)),
                ("moved_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=["tenant_id", "person", "approval"],
                        name="open_assignments",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "approval", "revision", "level", "person", "group"),
                        name="one_assignment_each",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "approval",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to="hitl.approval",
                    ),
                ),
                ("revision", models.PositiveIntegerField()),
                ("level", models.PositiveSmallIntegerField()),
                ("digest", models.CharField(max_length=64)),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "on_behalf_of",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("actor_kind", models.CharField(max_length=10)),
                ("actor_name", models.CharField(blank=True, max_length=80)),
                ("role", models.CharField(blank=True, max_length=20)),
                ("verdict", models.CharField(max_length=10)),
                ("reason", models.TextField(blank=True)),
                ("channel", models.CharField(blank=True, max_length=20)),
                ("auth_strength", models.CharField(blank=True, max_length=10)),
                ("address", models.CharField(blank=True, max_length=45)),
                ("seal", models.CharField(blank=True, db_default="", default="", max_length=90)),
                ("created_at", models.DateTimeField(default=core.clock.now)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "approval", "id"], name="decisions_in_order"),
                    models.Index(
                        condition=models.Q(("verdict__in", ["approve", "reject"])),
                        fields=["tenant_id", "-id"],
                        name="verdicts_newest",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DecisionToken",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("digest", models.CharField(max_length=64, unique=True)),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="hitl.approval"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("verdict", models.CharField(max_length=10)),
                ("revision_digest", models.CharField(max_length=64)),
                ("policy_version", models.PositiveIntegerField(db_default=0, default=0)),
                ("expires_at", models.DateTimeField()),
                ("consumed_at", models.DateTimeField(null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="OverrideReview",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reviews", to="hitl.approval"
                    ),
                ),
                ("revision", models.PositiveIntegerField()),
                (
                    "opened_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("opened_at", models.DateTimeField(default=core.clock.now)),
                (
                    "closed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("closed_at", models.DateTimeField(null=True)),
                ("finding", models.TextField(blank=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=["tenant_id", "-id"],
                        name="reviews_open",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "approval", "revision"), name="one_review_per_override"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CapReservation",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "cap",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reservations", to="hitl.cap"
                    ),
                ),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reservations", to="hitl.approval"
                    ),
                ),
                ("revision", models.PositiveIntegerField()),
                ("period", models.CharField(max_length=10)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=16)),
                (
                    "state",
                    models.CharField(
                        choices=[("reserved", "Reserved"), ("committed", "Spent"), ("released", "Given back")],
                        default="reserved",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["reserved", "committed"])),
                        fields=["tenant_id", "cap", "period"],
                        name="reservations_that_count",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "cap", "approval", "revision"), name="one_reservation_per_revision"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Execution",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "approval",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="executions",
                        to="hitl.approval",
                    ),
                ),
                ("revision", models.PositiveIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("idempotency_key", models.CharField(max_length=120)),
                ("fence", models.PositiveIntegerField(default=1)),
                ("attempt", models.PositiveSmallIntegerField(default=1)),
                ("lease_until", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, max_length=20)),
                ("result", models.JSONField(blank=True, default=dict)),
                ("error", models.CharField(blank=True, max_length=500)),
                ("started_at", models.DateTimeField(default=core.clock.now)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "approval", "revision"), name="one_execution_per_revision"
                    ),
                    models.UniqueConstraint(fields=("tenant_id", "idempotency_key"), name="one_execution_per_key"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Timer",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "approval",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="timers",
                        to="hitl.approval",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("expire", "Expire"),
                            ("sla", "Answer due"),
                            ("escalate", "Next escalation"),
                            ("remind", "Reminder"),
                            ("execute", "Execute"),
                            ("lapse", "Execute-by"),
                            ("lease", "Lease over"),
                            ("unknown", "Outcome unknown"),
                        ],
                        max_length=20,
                    ),
                ),
                ("level", models.PositiveSmallIntegerField(default=0)),
                ("revision", models.PositiveIntegerField()),
                ("due_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("done_at__isnull", True)), fields=["due_at"], name="timers_due")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "approval", "kind", "level", "revision"), name="one_timer_each"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notifications", to="hitl.approval"
                    ),
                ),
                ("revision", models.PositiveIntegerField(default=1)),
                ("level", models.PositiveSmallIntegerField(default=1)),
                ("channel", models.CharField(default="in_app", max_length=20)),
                (
                    "recipient",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("template", models.CharField(max_length=60)),
                ("variables", models.JSONField(default=dict)),
                ("status", models.CharField(default="queued", max_length=20)),
                ("provider", models.CharField(blank=True, max_length=40)),
                ("provider_message_id", models.CharField(blank=True, max_length=120)),
                ("provider_response", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(default=core.clock.now)),
                ("sent_at", models.DateTimeField(null=True)),
                ("delivered_at", models.DateTimeField(null=True)),
                ("failed_at", models.DateTimeField(null=True)),
                ("read_at", models.DateTimeField(null=True)),
                ("failure_reason", models.CharField(blank=True, max_length=300)),
                ("is_reminder", models.BooleanField(default=False)),
                ("reminder_number", models.PositiveSmallIntegerField(default=0)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "recipient", "-id"], name="notifications_of_person"),
                    models.Index(
                        condition=models.Q(("status__in", ["queued", "sending"])),
                        fields=["created_at"],
                        name="notifications_queued",
                    ),
                ],
            },
        ),
    ]
