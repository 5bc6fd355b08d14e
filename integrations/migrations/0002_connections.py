"""Several connections with a provider, one of them the default; consents, leases and errors."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope

DEFAULTS = "update integrations_provideraccount set is_default = true where is_active"


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("integrations", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ConsentRequest",
            fields=[
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("session", models.CharField(help_text="A digest of the session's key.", max_length=64)),
                (
                    "state",
                    models.CharField(help_text="A digest of the state that the vendor sends back.", max_length=64),
                ),
                ("verifier", core.privacy.encrypted_fields.EncryptedTextField()),
                ("provider", models.CharField(max_length=32)),
                ("name", models.CharField(max_length=120)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AlterModelOptions(
            name="provideraccount",
            options={"verbose_name": "connection"},
        ),
        migrations.RemoveConstraint(
            model_name="provideraccount",
            name="one_active_account_per_provider",
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="choices",
            field=models.JSONField(db_default=[], default=list, help_text="The vendor's accounts while one is chosen."),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="connected_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="connected_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="expired_at",
            field=models.DateTimeField(
                help_text="Since then its consent or secret isn't accepted any more.", null=True
            ),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="expires_at",
            field=models.DateTimeField(help_text="When the consent ends by itself, if the vendor says so.", null=True),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="external_id",
            field=models.CharField(blank=True, db_default="", default="", max_length=120),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="external_name",
            field=models.CharField(blank=True, db_default="", default="", max_length=120),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="fence",
            field=models.PositiveIntegerField(db_default=0, default=0, help_text="Which claim has it; each raises it."),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="is_default",
            field=models.BooleanField(db_default=False, default=False, help_text="The one that tools use."),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="last_error",
            field=models.CharField(blank=True, db_default="", default="", max_length=60),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="last_error_about",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="last_error_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="lease_until",
            field=models.DateTimeField(help_text="Until then a worker has it.", null=True),
        ),
        migrations.AlterField(
            model_name="provideraccount",
            name="is_active",
            field=models.BooleanField(default=True, help_text="Also while it is expired."),
        ),
        migrations.AddConstraint(
            model_name="provideraccount",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_active", True), ("is_default", True)),
                fields=("tenant_id", "provider"),
                name="one_default_account_per_provider",
            ),
        ),
        migrations.AddConstraint(
            model_name="provideraccount",
            constraint=models.UniqueConstraint(fields=("tenant_id", "provider", "name"), name="one_account_per_name"),
        ),
        migrations.AddField(
            model_name="consentrequest",
            name="connection",
            field=models.ForeignKey(
                help_text="To reconnect.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="integrations.provideraccount",
            ),
        ),
        migrations.AddField(
            model_name="consentrequest",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="consentrequest",
            constraint=models.UniqueConstraint(fields=("tenant_id", "state"), name="one_consent_request_per_state"),
        ),
        # Until now there was one active account of each provider.
        migrations.RunSQL(DEFAULTS, migrations.RunSQL.noop),
    ]
