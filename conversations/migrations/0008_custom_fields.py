import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("conversations", "0007_bulk_changes"),
    ]

    operations = [
        migrations.CreateModel(
            name="CustomField",
            fields=[
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "subject",
                    models.CharField(
                        choices=[("contact", "Contacts"), ("conversation", "Conversations")], max_length=12
                    ),
                ),
                (
                    "key",
                    models.CharField(help_text="Its name for programs, such as order_number; it stays.", max_length=30),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="Its name for people. No personal data: everybody sees it.", max_length=60
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("number", "Number"),
                            ("date", "Date"),
                            ("list", "List"),
                            ("checkbox", "Checkbox"),
                            ("link", "Link"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "options",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80),
                        default=list,
                        help_text="The values of a list.",
                        size=None,
                    ),
                ),
                (
                    "pattern",
                    models.CharField(
                        blank=True, help_text="The form of a text, such as `[A-Z]{2}-\\d{4,6}`.", max_length=200
                    ),
                ),
                (
                    "hint",
                    models.CharField(
                        blank=True, help_text="Shown beside it, and for a value of another form.", max_length=200
                    ),
                ),
                (
                    "required_on_close",
                    models.BooleanField(default=False, help_text="People can't close a conversation without it."),
                ),
                (
                    "is_personal",
                    models.BooleanField(default=False, help_text="Masked for everybody without a reveal."),
                ),
                ("version", models.PositiveIntegerField(default=1)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "key"), name="one_custom_field_per_key"),
                    models.UniqueConstraint(
                        models.F("tenant_id"),
                        models.F("subject"),
                        django.db.models.functions.text.Lower("name"),
                        name="one_custom_field_per_name",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CustomValue",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("value", core.privacy.encrypted_fields.EncryptedTextField()),
                (
                    "text",
                    models.CharField(
                        help_text="What everybody sees: the value, or a mask of a personal one.", max_length=500
                    ),
                ),
                ("value_index", models.CharField(blank=True, editable=False, max_length=64)),
                ("changed_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "contact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="custom_values",
                        to="conversations.contact",
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="custom_values",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "field",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="values",
                        to="conversations.customfield",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "field", "value_index"], name="custom_values_by_value"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "contact", "field"), name="one_custom_value_per_contact"
                    ),
                    models.UniqueConstraint(
                        fields=("tenant_id", "conversation", "field"), name="one_custom_value_per_conversation"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("contact__isnull", False), ("conversation__isnull", True)),
                            models.Q(("contact__isnull", True), ("conversation__isnull", False)),
                            _connector="OR",
                        ),
                        name="custom_value_of_one_row",
                    ),
                ],
            },
        ),
    ]
