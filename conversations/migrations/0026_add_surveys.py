"""Add surveys, and when teams ask."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0025_add_drafts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="team",
            name="survey",
            field=models.CharField(
                choices=[
                    ("never", "Never"),
                    ("always", "When a conversation is closed"),
                    ("resolved", "When a conversation is closed as resolved"),
                ],
                default="never",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="team",
            name="survey_question",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="team",
            name="survey_share",
            field=models.PositiveSmallIntegerField(
                default=100,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)],
            ),
        ),
        migrations.CreateModel(
            name="Survey",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("asked_at", models.DateTimeField(null=True)),
                ("skipped", models.CharField(blank=True, help_text="Why it wasn't asked, as a code.", max_length=40)),
                ("ends_at", models.DateTimeField(help_text="Until when it can be answered.", null=True)),
                (
                    "rating",
                    models.PositiveSmallIntegerField(
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(5),
                        ],
                    ),
                ),
                ("comment", core.privacy.encrypted_fields.EncryptedTextField(blank=True)),
                ("masked_comment", models.TextField(blank=True)),
                (
                    "way",
                    models.CharField(
                        blank=True,
                        choices=[("widget", "In the chat"), ("text", "By message"), ("page", "On the page")],
                        max_length=6,
                    ),
                ),
                ("answered_at", models.DateTimeField(help_text="When it was first answered.", null=True)),
                ("changed_at", models.DateTimeField(null=True)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="surveys",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("answered_at__isnull", False)),
                        fields=["tenant_id", "-answered_at", "-id"],
                        name="surveys_answered",
                    ),
                    models.Index(
                        condition=models.Q(("asked_at", None), ("skipped", "")),
                        fields=["created_at"],
                        name="surveys_to_ask",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "conversation"), name="one_survey_per_conversation"),
                    models.CheckConstraint(
                        condition=models.Q(("rating", None), ("rating__range", (1, 5)), _connector="OR"),
                        name="rating_from_1_to_5",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answered_at", None), ("rating", None)),
                            models.Q(("answered_at__isnull", False), ("rating__isnull", False)),
                            _connector="OR",
                        ),
                        name="rated_when_answered",
                    ),
                ],
            },
        ),
    ]
