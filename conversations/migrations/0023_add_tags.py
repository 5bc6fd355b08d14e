"""Tags of conversations."""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0022_add_first_answers"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tag",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("name", models.CharField(max_length=60)),
                (
                    "colour",
                    models.CharField(
                        choices=[
                            ("neutral", "Grey"),
                            ("accent", "Teal"),
                            ("info", "Blue"),
                            ("good", "Green"),
                            ("warn", "Amber"),
                            ("serious", "Orange"),
                            ("danger", "Red"),
                        ],
                        default="neutral",
                        max_length=10,
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("tenant_id"), django.db.models.functions.text.Lower("name"), name="one_tag_per_name"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ConversationTag",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("added_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="taggings",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "tag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="taggings", to="conversations.tag"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "conversation", "tag"), name="one_tagging_per_conversation"
                    )
                ],
            },
        ),
    ]
