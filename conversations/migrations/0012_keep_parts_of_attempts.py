"""Attempts keep what the provider has of a message that it takes in parts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0011_add_pause_and_log_of_channel_accounts"),
    ]

    operations = [
        migrations.AddField(
            model_name="deliveryattempt",
            name="parts",
            field=models.JSONField(default=dict, help_text="The provider's ids of what it has of a message in parts."),
        ),
    ]
