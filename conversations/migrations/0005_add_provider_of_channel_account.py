"""Add the provider of a channel account, beside its kind."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from core.tenancy.scope import platform_scope, tenant_scope

# The only providers until now.
FORMER = {"whatsapp": "twilio", "sms": "twilio", "email": "sendgrid"}
PAIRS = {
    "webchat": ("widget",),
    "whatsapp": ("twilio", "cloud"),
    "email": ("sendgrid", "imap"),
    "sms": ("twilio",),
    "app": ("app",),
}


def _pair(kind: str) -> models.Q:
    return models.Q(("kind", kind), ("provider__in", PAIRS[kind]))


def name_providers(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    accounts = apps.get_model("conversations", "ChannelAccount")
    with platform_scope():
        tenants = list(apps.get_model("accounts", "Tenant").objects.values_list("pk", flat=True))
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            for kind, provider in FORMER.items():
                accounts.objects.filter(tenant_id=tenant_id, kind=kind).update(provider=provider)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("conversations", "0004_guard_erasures"),
    ]

    operations = [
        migrations.AddField(
            model_name="channelaccount",
            name="provider",
            field=models.CharField(
                choices=[
                    ("twilio", "Twilio"),
                    ("cloud", "WhatsApp Cloud API"),
                    ("sendgrid", "SendGrid"),
                    ("imap", "IMAP mailbox"),
                    ("app", "Your own app"),
                    ("widget", "Chat widget"),
                ],
                default="widget",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="channelaccount",
            name="kind",
            field=models.CharField(
                choices=[
                    ("webchat", "Web chat"),
                    ("whatsapp", "WhatsApp"),
                    ("email", "Email"),
                    ("sms", "SMS"),
                    ("app", "Own app"),
                ],
                max_length=12,
            ),
        ),
        migrations.RunPython(name_providers, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="channelaccount",
            constraint=models.CheckConstraint(
                condition=_pair("webchat") | _pair("whatsapp") | _pair("email") | _pair("sms") | _pair("app"),
                name="account_has_a_provider_of_its_kind",
            ),
        ),
    ]
