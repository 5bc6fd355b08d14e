"""The language of contacts, and which template an attempt was sent as."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0015_add_message_templates"),
    ]

    operations = [
        migrations.AddField(
            model_name="contact",
            name="language",
            field=models.CharField(
                blank=True, default="", help_text="The language they write, such as en or pt_BR.", max_length=16
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="deliveryattempt",
            name="template_id",
            field=models.UUIDField(help_text="The template that it was sent as.", null=True),
        ),
    ]
