"""Find a Twilio number's account by its account SID alone."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from conversations.channel_accounts.accounts import provider_digest
from core.tenancy.scope import platform_scope, tenant_scope


def note_account_sids(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    accounts = apps.get_model("conversations", "ChannelAccount")
    with platform_scope():
        tenants = list(apps.get_model("accounts", "Tenant").objects.values_list("pk", flat=True))
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            for account in accounts.objects.filter(tenant_id=tenant_id, provider="twilio"):
                sid = str((account.credentials or {}).get("account_sid") or "")
                account.provider_digest = provider_digest(provider="twilio", provider_account=sid)
                account.save(update_fields=["provider_digest"])


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0035_keep_why_audience_messages_were_refused"),
    ]

    operations = [
        migrations.AddField(
            model_name="channelaccount",
            name="provider_digest",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="How a webhook of an unknown number finds an account.",
                max_length=64,
            ),
            preserve_default=False,
        ),
        migrations.RunPython(note_account_sids, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="channelaccount",
            index=models.Index(
                condition=models.Q(("provider_digest", ""), _negated=True),
                fields=["provider_digest"],
                name="accounts_by_provider",
            ),
        ),
    ]
