"""Contacts know from when on nobody is behind them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0010_messages_are_found_by_words"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="contact",
            options={"permissions": [("erase_contact", "Can erase a contact for good")]},
        ),
        migrations.AddField(
            model_name="contact",
            name="erased_at",
            field=models.DateTimeField(editable=False, help_text="From when on nobody is behind it.", null=True),
        ),
    ]
