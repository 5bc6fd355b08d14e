"""Requests to erase people."""

from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_idempotency_records"),
    ]

    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "subject_type",
                    models.CharField(choices=[("contact", "A contact"), ("member", "A member")], max_length=10),
                ),
                ("subject_id", models.UUIDField(help_text="The contact or the seat.")),
                (
                    "state",
                    models.CharField(
                        choices=[("asked", "Asked for"), ("working", "At work"), ("done", "Done")],
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
    ]
