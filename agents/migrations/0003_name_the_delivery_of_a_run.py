"""What the channel stored before a run's newest message, to see whether its sender wrote more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0002_runs_by_day"),
    ]

    operations = [
        migrations.AddField(
            model_name="agentrun",
            name="delivery_id",
            field=models.UUIDField(
                help_text="What the channel stored before the run's newest message.",
                null=True,
            ),
        ),
    ]
