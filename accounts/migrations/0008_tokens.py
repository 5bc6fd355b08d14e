"""Devices that are signed in to the API, and the keys that sign their access tokens."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0007_browser_sessions"),
    ]

    operations = [
        migrations.CreateModel(
            name="TokenKey",
            fields=[
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("sealed", models.TextField(help_text="The private key, encrypted for this row.")),
                ("retired_at", models.DateTimeField(help_text="When it stopped signing.", null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("retired_at", None)),
                        fields=("retired_at",),
                        name="one_token_key_signs",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TokenFamily",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "device",
                    models.CharField(
                        help_text="Browser and system in our words, such as Firefox on Windows.", max_length=60
                    ),
                ),
                (
                    "network",
                    models.CharField(
                        blank=True, help_text="The network of the address, never the address.", max_length=43
                    ),
                ),
                (
                    "proof",
                    models.CharField(
                        help_text="Digest of the password's hash: a new password ends the family.", max_length=64
                    ),
                ),
                (
                    "number",
                    models.PositiveIntegerField(default=1, help_text="Of the refresh token that counts."),
                ),
                ("used_at", models.DateTimeField(default=core.clock.now, help_text="When this number was given out.")),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "ended_why",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("signed_out", "The device signed out"),
                            ("ended", "The person ended it"),
                            ("reused", "A used refresh token came again"),
                            ("left", "The person left the organisation"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "user"], name="families_by_person"),
                    models.Index(fields=["expires_at"], name="families_by_end"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("ended_why", "")),
                            models.Q(
                                models.Q(("ended_at", None), _negated=True), models.Q(("ended_why", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="ended_families_say_why",
                    )
                ],
            },
        ),
    ]
