"""The index of day rows holds what is counted, so that a figure is read from it alone."""

from django.db import migrations, models

FIELDS = ("tenant_id", "metric", "dimension", "day", "value", "bucket", "currency")


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0007_read_events_by_time"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="figureday", name="one_figure_per_day"),
        migrations.AddConstraint(
            model_name="figureday",
            constraint=models.UniqueConstraint(fields=FIELDS, include=("n", "total"), name="one_figure_per_day"),
        ),
    ]
