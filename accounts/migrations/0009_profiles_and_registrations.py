"""Language, time zone and signature of members, when accounts changed, and accounts that somebody asks for."""

from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0008_tokens"),
    ]

    operations = [
        migrations.CreateModel(
            name="Registration",
            fields=[
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "sealed",
                    models.TextField(help_text="Address, name and the password's hash, encrypted for this row."),
                ),
                (
                    "due_at",
                    models.DateTimeField(
                        default=core.clock.now,
                        help_text="When its email is to be sent; null once it was.",
                        null=True,
                    ),
                ),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(default=0, help_text="How often the email was handed over."),
                ),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="registrations_due"
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="membership",
            name="language",
            field=models.CharField(
                choices=[("en", "English"), ("de", "Deutsch"), ("fr", "Français")], default="en", max_length=2
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="signature",
            field=core.privacy.encrypted_fields.EncryptedTextField(
                help_text="What ends their replies by email.", null=True
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="zone",
            field=models.CharField(
                blank=True, default="", help_text="Empty for the organisation's time zone.", max_length=64
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="updated_at",
            field=models.DateTimeField(
                auto_now=True,
                default=core.clock.now,
                help_text="When name or password last changed.",
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="tokenfamily",
            name="ended_why",
            field=models.CharField(
                blank=True,
                choices=[
                    ("signed_out", "The device signed out"),
                    ("ended", "The person ended it"),
                    ("reused", "A used refresh token came again"),
                    ("left", "The person left the organisation"),
                    ("too_many", "The person signed in on too many devices"),
                ],
                default="",
                max_length=10,
            ),
        ),
    ]
