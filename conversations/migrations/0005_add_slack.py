"""Slack as a kind of channel."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0004_guard_erasures"),
    ]

    operations = [
        migrations.AlterField(
            model_name="channelaccount",
            name="kind",
            field=models.CharField(
                choices=[
                    ("webchat", "Web chat"),
                    ("whatsapp", "WhatsApp"),
                    ("email", "Email"),
                    ("sms", "SMS"),
                    ("slack", "Slack"),
                ],
                max_length=12,
            ),
        ),
    ]
