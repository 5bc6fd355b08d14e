"""An index for lists of runs by when they began."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="agentrun",
            index=models.Index(fields=["tenant_id", "created_at"], name="runs_by_day"),
        ),
    ]
