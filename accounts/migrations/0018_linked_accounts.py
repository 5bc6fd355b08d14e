"""Accounts at Google, Microsoft and GitHub that people sign in with."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0017_company_proofs"),
    ]

    operations = [
        migrations.CreateModel(
            name="LinkedAccount",
            fields=[
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("provider", models.CharField(max_length=10)),
                ("subject", models.CharField(help_text="Keyed digest of issuer and subject.", max_length=64)),
                ("used_at", models.DateTimeField(help_text="When the person last signed in with it.", null=True)),
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
                "constraints": [
                    models.UniqueConstraint(fields=("subject",), name="one_person_per_linked_account"),
                    models.UniqueConstraint(fields=("user", "provider"), name="one_linked_account_per_provider"),
                ],
            },
        ),
    ]
