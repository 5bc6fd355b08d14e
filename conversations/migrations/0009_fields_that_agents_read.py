from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("conversations", "0008_custom_fields"),
    ]

    operations = [
        migrations.AddField(
            model_name="customfield",
            name="agents_read",
            field=models.BooleanField(
                default=False, help_text="Agents are given its value, and may tell the customer what they read."
            ),
        ),
    ]
