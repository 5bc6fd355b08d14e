"""Slack as a kind of channel, with a provider of its own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0012_keep_parts_of_attempts"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="channelaccount",
            name="account_has_a_provider_of_its_kind",
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
                    ("slack", "Slack"),
                ],
                max_length=12,
            ),
        ),
        migrations.AlterField(
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
                    ("slack", "Slack"),
                ],
                default="widget",
                max_length=12,
            ),
        ),
        migrations.AddConstraint(
            model_name="channelaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "webchat"), ("provider__in", ("widget",))),
                    models.Q(("kind", "whatsapp"), ("provider__in", ("twilio", "cloud"))),
                    models.Q(("kind", "email"), ("provider__in", ("sendgrid", "imap"))),
                    models.Q(("kind", "sms"), ("provider__in", ("twilio",))),
                    models.Q(("kind", "app"), ("provider__in", ("app",))),
                    models.Q(("kind", "slack"), ("provider__in", ("slack",))),
                    _connector="OR",
                ),
                name="account_has_a_provider_of_its_kind",
            ),
        ),
    ]
