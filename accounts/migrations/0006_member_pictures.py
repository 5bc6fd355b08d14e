"""Pictures of members, and the secret part of each one's address."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0005_keep_what_opens_next"),
    ]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="picture_key",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="The secret part of their picture's address.",
                max_length=43,
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(
                condition=models.Q(("picture_key", ""), _negated=True),
                fields=("picture_key",),
                name="one_picture_per_key",
            ),
        ),
        migrations.CreateModel(
            name="MemberPicture",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "content",
                    core.privacy.encrypted_fields.EncryptedTextField(help_text="A small picture, as Base64."),
                ),
                (
                    "membership",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="picture", to="accounts.membership"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
    ]
