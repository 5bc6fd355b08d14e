"""Sign-in at the company: identity providers, who somebody is there, and the sessions that they began."""

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
        ("accounts", "0011_tokens_end_with_factors"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="company_address",
            field=models.EmailField(
                blank=True,
                default="",
                help_text="Where mail goes to an account that an organisation's identity provider made. It proves nothing.",
                max_length=254,
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="sign_in",
            field=models.CharField(
                choices=[
                    ("any", "Any sign-in"),
                    ("factor", "The company's, or a password with a second factor"),
                    ("company", "The company's alone"),
                ],
                default="any",
                max_length=7,
            ),
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
                    ("reset", "Their second factor was reset"),
                    ("too_many", "The person signed in on too many devices"),
                    ("company", "The company's provider signed the person out, or its sign-in became required"),
                ],
                default="",
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="IdentityProvider",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "slug",
                    models.SlugField(
                        help_text="The organisation's short name, by which its people find it.", unique=True
                    ),
                ),
                ("issuer", models.CharField(max_length=300)),
                ("client_id", models.CharField(max_length=200)),
                ("client_secret", core.privacy.encrypted_fields.EncryptedTextField()),
                ("scopes", models.CharField(default="openid email profile", max_length=200)),
                ("groups_claim", models.CharField(default="groups", max_length=80)),
                (
                    "rules",
                    models.JSONField(
                        default=list,
                        help_text="The role and the teams of each group there; the first rule with a role counts.",
                    ),
                ),
                ("default_role", models.CharField(default="viewer", max_length=12)),
                (
                    "creates_people",
                    models.BooleanField(
                        default=False, help_text="Whether people without an invitation get in at their first sign-in."
                    ),
                ),
                ("is_required", models.BooleanField(default=False)),
                (
                    "set_at",
                    models.DateTimeField(default=core.clock.now, help_text="When issuer or client were last set."),
                ),
                ("version", models.PositiveIntegerField(default=1)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id",), name="one_identity_provider"),
                    models.CheckConstraint(
                        condition=models.Q(("default_role", "owner"), _negated=True),
                        name="identity_providers_make_no_owner",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Identity",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("issuer", models.CharField(max_length=300)),
                (
                    "subject",
                    models.CharField(help_text="Blind index of the subject at the issuer.", max_length=64),
                ),
                ("used_at", models.DateTimeField(help_text="When the person last signed in by it.", null=True)),
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
                "verbose_name_plural": "identities",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "issuer", "subject"), name="one_person_per_subject"),
                    models.UniqueConstraint(fields=("tenant_id", "user", "issuer"), name="one_subject_per_person"),
                ],
            },
        ),
        migrations.CreateModel(
            name="CompanySession",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "sid",
                    models.CharField(
                        blank=True, default="", help_text="Digest of the session's id there.", max_length=64
                    ),
                ),
                ("digest", models.CharField(help_text="Digest of the key of Django's session.", max_length=64)),
                (
                    "identity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sessions", to="accounts.identity"
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
                "indexes": [models.Index(fields=["tenant_id", "sid"], name="company_sessions_by_sid")],
            },
        ),
    ]
