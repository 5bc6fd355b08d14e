"""Organisations, people, memberships, invitations, API keys and reveals."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tenant",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120)),
                ("slug", models.SlugField(unique=True)),
                ("timezone", models.CharField(default="UTC", max_length=64)),
                ("currency", models.CharField(default="EUR", max_length=3)),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("email", models.EmailField(max_length=254, unique=True)),
                ("first_name", models.CharField(blank=True, max_length=80)),
                ("last_name", models.CharField(blank=True, max_length=80)),
                ("is_staff", models.BooleanField(default=False)),
                ("is_active", models.BooleanField(default=True)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("approver", "Approver"),
                            ("support", "Support"),
                            ("compliance", "Compliance"),
                            ("viewer", "Viewer"),
                        ],
                        default="viewer",
                        max_length=12,
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                (
                    "mail_on",
                    models.BooleanField(default=True, help_text="Whether the person wants approval emails."),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "erased_at",
                    models.DateTimeField(editable=False, help_text="When the person was erased.", null=True),
                ),
            ],
            options={
                "permissions": [("erase_member", "Can erase a member for good")],
                "indexes": [models.Index(fields=["tenant_id", "role"], name="members_by_role")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "user"), name="one_membership_per_person")
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("address", core.privacy.encrypted_fields.EncryptedTextField(null=True)),
                ("name", core.privacy.encrypted_fields.EncryptedTextField(null=True)),
                ("masked_address", models.CharField(max_length=120)),
                (
                    "address_digest",
                    models.CharField(help_text="Blind index of the address, to find its invitation.", max_length=64),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("approver", "Approver"),
                            ("support", "Support"),
                            ("compliance", "Compliance"),
                            ("viewer", "Viewer"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "invited_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        help_text="Who accepted it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "digest",
                    models.CharField(help_text="Digest of the link's secret.", max_length=64, null=True, unique=True),
                ),
                ("round", models.PositiveSmallIntegerField(default=1, help_text="How often it was sent.")),
                ("mail_problem", models.CharField(blank=True, max_length=200)),
                ("mailed_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(default=core.clock.now)),
                ("expires_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "sent_at"], name="invitations_by_time")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("accepted_at", None), ("withdrawn_at", None)),
                        fields=("tenant_id", "address_digest"),
                        name="one_open_invitation_per_address",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RoleGroup",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("approver", "Approver"),
                            ("support", "Support"),
                            ("compliance", "Compliance"),
                            ("viewer", "Viewer"),
                        ],
                        max_length=12,
                    ),
                ),
                ("group", models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, to="auth.group")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "role"), name="one_group_per_role")],
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_keys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("prefix", models.CharField(max_length=11)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("scopes", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("expires_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "API key",
                "indexes": [models.Index(fields=["tenant_id", "created_at"], name="keys_by_age")],
            },
        ),
        migrations.CreateModel(
            name="RevealGrant",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("object_type", models.CharField(max_length=60)),
                ("object_id", models.UUIDField()),
                ("fields", models.JSONField(default=list)),
                ("reason", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["tenant_id", "user", "object_type", "object_id", "expires_at"], name="reveals_by_object"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OwedEntry",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("actor", models.JSONField()),
                ("home", models.UUIDField(help_text="The actor's organisation.", null=True)),
                ("action", models.CharField(max_length=60)),
                ("object_type", models.CharField(max_length=60)),
                ("object_id", models.UUIDField()),
                ("new_state", models.CharField(blank=True, max_length=30)),
                ("event", models.JSONField(help_text="Type and payload of an event for each organisation.", null=True)),
                (
                    "owed_to",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), help_text="The organisations still without it.", size=None
                    ),
                ),
            ],
        ),
    ]
