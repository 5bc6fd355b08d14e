"""Keeps which ready-made rules an organisation was given, so that it gets those that are added later."""

import django.contrib.postgres.fields
from django.db import migrations, models

# Until now all of a moment were given at once; the oldest version had these.
GIVEN = (
    "update analytics_alertsettings set ready_made = '{answers_missed,inbound_oldest,unknown_outcomes,bus_lag,"
    "breakers_open,budget_percent,new_contacts,failed_jobs}' where has_ready_made"
)


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [("analytics", "0004_follow_the_profile")]

    operations = [
        migrations.AddField(
            model_name="alertsettings",
            name="ready_made",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=30),
                default=list,
                help_text="The keys of the ready-made rules that it was given.",
                size=None,
            ),
        ),
        migrations.RunSQL(GIVEN, migrations.RunSQL.noop),
        migrations.RemoveField(model_name="alertsettings", name="has_ready_made"),
    ]
