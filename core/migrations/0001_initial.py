"""Streams, outbox, audit log, dead letters, idempotency records and erasures."""

from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("seq", models.BigIntegerField(default=0)),
                ("hash", models.CharField(default="", max_length=64)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant_id",), name="one_chain_per_tenant")],
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("seq", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("actor_kind", models.CharField(max_length=10)),
                ("actor_id", models.UUIDField(null=True)),
                ("actor_user_id", models.UUIDField(null=True)),
                ("actor_name", models.CharField(blank=True, max_length=80)),
                ("role", models.CharField(blank=True, max_length=20)),
                ("auth_strength", models.CharField(blank=True, max_length=10)),
                ("address", models.CharField(blank=True, max_length=45)),
                ("action", models.CharField(max_length=60)),
                ("object_type", models.CharField(max_length=60)),
                ("object_id", models.UUIDField()),
                ("old_state", models.CharField(blank=True, max_length=30)),
                ("new_state", models.CharField(blank=True, max_length=30)),
                ("facts", models.JSONField(default=dict)),
                ("key_id", models.CharField(max_length=16)),
                ("previous_hash", models.CharField(blank=True, max_length=64)),
                ("hash", models.CharField(max_length=64)),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "indexes": [
                    models.Index(fields=["tenant_id", "object_type", "object_id", "seq"], name="audit_by_object"),
                    models.Index(fields=["tenant_id", "action", "seq"], name="audit_by_action"),
                ],
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "seq"), name="one_entry_per_number")],
            },
        ),
        migrations.CreateModel(
            name="DeadLetter",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("kind", models.CharField(max_length=60)),
                ("ref", models.UUIDField()),
                (
                    "state",
                    models.CharField(
                        choices=[("parked", "parked"), ("replayed", "replayed"), ("discarded", "discarded")],
                        default="parked",
                        max_length=10,
                    ),
                ),
                ("error", models.CharField(blank=True, max_length=500)),
                ("times", models.PositiveIntegerField(default=1)),
                ("parked_at", models.DateTimeField(default=core.clock.now)),
                ("closed_at", models.DateTimeField(null=True)),
                ("closed_by", models.UUIDField(null=True)),
            ],
            options={
                "permissions": [("replay_deadletter", "Can replay or discard parked failures")],
                "indexes": [
                    models.Index(fields=["tenant_id", "state", "-parked_at"], name="dead_letters_by_state"),
                    models.Index(
                        condition=models.Q(("state", "parked")), fields=["parked_at"], name="dead_letters_parked"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "parked")),
                        fields=("tenant_id", "kind", "ref"),
                        name="one_parked_letter_per_row",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at", None), ("state", "parked")),
                            models.Q(("closed_at__isnull", False), ("state__in", ["replayed", "discarded"])),
                            _connector="OR",
                        ),
                        name="dead_letter_closed_with_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "subject_type",
                    models.CharField(choices=[("contact", "A contact"), ("member", "A member")], max_length=10),
                ),
                ("subject_id", models.UUIDField(help_text="The contact or the membership.")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Asked for"),
                            ("working", "At work"),
                            ("done", "Done"),
                            ("parked", "Stopped"),
                        ],
                        default="asked",
                        max_length=10,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("asked_for", "The person asked for it"),
                            ("consent_withdrawn", "The person withdrew the consent"),
                            ("not_needed", "The data is no longer needed"),
                            ("unlawful", "The data should not have been kept"),
                        ],
                        max_length=20,
                    ),
                ),
                ("asked_by", models.UUIDField(null=True)),
                ("asked_at", models.DateTimeField(default=core.clock.now)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("targets", models.JSONField(default=dict, help_text="Ids of what is the person's, by kind.")),
                (
                    "traces",
                    core.privacy.encrypted_fields.EncryptedJSONField(
                        help_text="Name and addresses, by which other rows are found.", null=True
                    ),
                ),
                (
                    "still_named",
                    models.JSONField(default=list, help_text="Ids of requests of others that still hold the name."),
                ),
                ("tried_at", models.DateTimeField(help_text="When the sweep came last.", null=True)),
                ("round_at", models.DateTimeField(help_text="When this round began.", null=True)),
                ("rounds", models.PositiveSmallIntegerField(default=0)),
                ("changes", models.PositiveIntegerField(default=0, help_text="Rows that were changed in this round.")),
                ("step", models.CharField(blank=True, help_text="The step that comes next.", max_length=60)),
                (
                    "after",
                    models.CharField(blank=True, help_text="The last row that this step has looked at.", max_length=60),
                ),
                ("counts", models.JSONField(default=dict, help_text="How many rows were changed, by step.")),
                (
                    "waits_for",
                    models.JSONField(default=list, help_text="What is in the way for now: references and codes."),
                ),
            ],
            options={
                "permissions": [("view_erasures", "Can see who was erased and how far it has come")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["asked", "working"])), fields=["id"], name="erasures_to_do"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "subject_type", "subject_id"), name="one_erasure_per_person"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "done"), _negated=True),
                            models.Q(("finished_at__isnull", False), ("traces__isnull", True)),
                            _connector="OR",
                        ),
                        name="done_erasures_keep_no_traces",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StreamHead",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("stream", models.CharField(max_length=80)),
                ("seq", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "stream"), name="one_head_per_stream")],
            },
        ),
        migrations.CreateModel(
            name="StreamEvent",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("stream", models.CharField(max_length=80)),
                ("seq", models.BigIntegerField()),
                ("type", models.CharField(max_length=40)),
                ("payload", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=core.clock.now)),
                ("about", models.UUIDField(help_text="The one thing by which the stream is also read.", null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("about__isnull", False)),
                        fields=["tenant_id", "about", "seq"],
                        name="events_about",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "stream", "seq"), name="one_event_per_number")
                ],
            },
        ),
        migrations.CreateModel(
            name="Outbox",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("event", models.CharField(max_length=40)),
                ("ref", models.UUIDField()),
                ("payload", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(default=core.clock.now)),
                ("lease_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("done_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "outbox",
                "indexes": [
                    models.Index(condition=models.Q(("done_at__isnull", True)), fields=["id"], name="outbox_undone"),
                    models.Index(
                        condition=models.Q(("done_at__isnull", False)), fields=["done_at"], name="outbox_done"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyRecord",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("scope", models.CharField(max_length=60)),
                ("key_digest", models.CharField(max_length=64)),
                ("request_digest", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "running"), ("finished", "finished")], default="running", max_length=10
                    ),
                ),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("answer", core.privacy.encrypted_fields.EncryptedJSONField(null=True)),
                ("created_at", models.DateTimeField(default=core.clock.now)),
                ("lease_until", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="idempotency_by_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "scope", "key_digest"), name="one_record_per_key")
                ],
            },
        ),
    ]
