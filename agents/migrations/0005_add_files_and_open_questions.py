"""Add uploaded files, and questions that no document answered."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0004_add_knowledge"),
        ("conversations", "0015_add_message_templates"),
    ]

    operations = [
        migrations.CreateModel(
            name="OpenQuestion",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("text", models.CharField(max_length=300)),
                (
                    "words",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60),
                        help_text="Its telling words, by which questions are grouped.",
                        size=None,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("answered", "Answered"), ("dismissed", "Dismissed")],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("asked", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("last_asked_at", models.DateTimeField(default=core.clock.now)),
                (
                    "answer",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents.document"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="QuestionAsked",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="conversations.conversation"
                    ),
                ),
                (
                    "question",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="times", to="agents.openquestion"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="UploadedFile",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("kind", models.CharField(max_length=4)),
                ("content", models.BinaryField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "document",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="file", to="agents.document"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="openquestion",
            index=models.Index(fields=["tenant_id", "state", "-last_asked_at"], name="questions_by_state"),
        ),
        migrations.AddConstraint(
            model_name="questionasked",
            constraint=models.UniqueConstraint(
                fields=("tenant_id", "question", "conversation"), name="one_ask_per_conversation"
            ),
        ),
        migrations.AddIndex(
            model_name="uploadedfile",
            index=models.Index(fields=["lease_until"], name="files_to_read"),
        ),
    ]
