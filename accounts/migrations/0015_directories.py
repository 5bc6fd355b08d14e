"""The company's directory: its token, and the people and groups that it pushes by SCIM."""

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
        ("accounts", "0014_own_roles"),
    ]

    operations = [
        migrations.CreateModel(
            name="Directory",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("digest", models.CharField(help_text="Digest of the token.", max_length=64, unique=True)),
                (
                    "person_claim",
                    models.CharField(
                        default="sub",
                        help_text="The claim of the provider that says a person's id in the directory.",
                        max_length=20,
                    ),
                ),
                ("used_at", models.DateTimeField(help_text="When it was last heard from, to the hour.", null=True)),
                (
                    "made_by",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Who made the token: it can do nothing that this person may not.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.identityprovider",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "directories",
                "constraints": [models.UniqueConstraint(fields=("tenant_id",), name="one_directory")],
            },
        ),
        migrations.CreateModel(
            name="DirectoryGroup",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("name", models.CharField(max_length=300)),
                (
                    "external",
                    models.CharField(blank=True, default="", help_text="Its id in the directory.", max_length=300),
                ),
                ("changed_at", models.DateTimeField(default=core.clock.now)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="DirectoryPerson",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "document",
                    core.privacy.encrypted_fields.EncryptedJSONField(
                        help_text="Names and addresses, as the directory wrote them."
                    ),
                ),
                (
                    "user_name",
                    models.CharField(help_text="Blind index of the user name in the directory.", max_length=64),
                ),
                (
                    "external",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Blind index of the person's id in the directory.",
                        max_length=64,
                    ),
                ),
                (
                    "by_groups",
                    models.BooleanField(
                        default=False,
                        help_text="Whether groups that a rule names decide about role and teams: from the first one on.",
                    ),
                ),
                ("changed_at", models.DateTimeField(default=core.clock.now)),
                (
                    "due_at",
                    models.DateTimeField(help_text="Since when role and teams have to follow the groups.", null=True),
                ),
                ("gone_at", models.DateTimeField(help_text="When the directory deleted the person.", null=True)),
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
                "verbose_name_plural": "directory people",
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="directory_people_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "user"), name="one_directory_row_per_person"),
                    models.UniqueConstraint(
                        condition=models.Q(("gone_at", None)),
                        fields=("tenant_id", "user_name"),
                        name="one_person_per_user_name",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("external", ""), _negated=True),
                        fields=("tenant_id", "external"),
                        name="one_person_per_external_id",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DirectoryMember",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "group",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="accounts.directorygroup",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="groups",
                        to="accounts.directoryperson",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "group", "person"), name="once_in_a_directory_group")
                ],
            },
        ),
    ]
