"""Seats know from when on nobody sits on them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_people_choose_mail"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="membership",
            options={"permissions": [("erase_member", "Can erase a member for good")]},
        ),
        migrations.AddField(
            model_name="membership",
            name="erased_at",
            field=models.DateTimeField(editable=False, help_text="From when on nobody sits on it.", null=True),
        ),
    ]
