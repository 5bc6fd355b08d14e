from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0003_seal_owed_entries"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="hides_set_up",
            field=models.BooleanField(
                default=False, help_text="Whether the dashboard leaves out the list of what to set up."
            ),
        ),
    ]
