"""From when each role of an organisation can't do without a second factor."""

from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0009_profiles_and_registrations"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="factor_due",
            field=models.JSONField(
                blank=True,
                default=dict,
                editable=False,
                help_text="From when each role that needs a second factor can't do without.",
            ),
        ),
    ]
