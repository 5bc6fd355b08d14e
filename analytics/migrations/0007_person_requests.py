"""Requests of people about their data."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0012_company_sign_in"),
        ("analytics", "0006_export_people"),
        ("conversations", "0007_bulk_changes"),
    ]

    operations = [
        migrations.CreateModel(
            name="PersonRequest",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("access", "Access"),
                            ("portability", "Portability"),
                            ("correction", "Correction"),
                            ("erasure", "Erasure"),
                            ("objection", "Objection"),
                        ],
                        max_length=11,
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("reply", "Replies"),
                            ("service", "Outcomes of requests"),
                            ("notice", "Notices"),
                            ("marketing", "Marketing"),
                            ("account", "Sign-in and invitations"),
                        ],
                        help_text="Which messages an objection is about.",
                        max_length=9,
                    ),
                ),
                ("wish", core.privacy.encrypted_fields.EncryptedTextField(default=str)),
                ("received_on", models.DateField(verbose_name="received")),
                ("due_on", models.DateField(verbose_name="due")),
                ("extension_reason", core.privacy.encrypted_fields.EncryptedTextField(default=str)),
                ("extended_at", models.DateTimeField(null=True, verbose_name="extended")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("fulfilled", "Fulfilled"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn by the person"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("answer", core.privacy.encrypted_fields.EncryptedTextField(default=str)),
                ("closed_at", models.DateTimeField(null=True, verbose_name="closed")),
                (
                    "closed_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.contact",
                    ),
                ),
                (
                    "handler",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "membership",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="accounts.membership",
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "privacy request",
                "verbose_name_plural": "privacy requests",
                "permissions": [("handle_requests", "Can record and answer privacy requests")],
                "indexes": [
                    models.Index(fields=["tenant_id", "-id"], name="person_requests_newest"),
                    models.Index(
                        condition=models.Q(("state", "open")),
                        fields=["tenant_id", "due_on"],
                        name="person_requests_due",
                    ),
                    models.Index(
                        condition=models.Q(("contact__isnull", False)),
                        fields=["tenant_id", "contact"],
                        name="person_requests_by_contact",
                    ),
                    models.Index(
                        condition=models.Q(("membership__isnull", False)),
                        fields=["tenant_id", "membership"],
                        name="person_requests_by_member",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("contact", None), ("membership", None), _connector="OR"),
                        name="person_requests_are_about_one_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at", None), ("state", "open")),
                            models.Q(models.Q(("state", "open"), _negated=True), ("closed_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="closed_person_requests_say_when",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("purpose", ""), ("kind", "objection"), _connector="OR"),
                        name="only_objections_have_a_purpose",
                    ),
                ],
            },
        ),
    ]
