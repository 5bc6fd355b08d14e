"""Custom conditions of workflows, and the contact's tags that they may ask for."""

from typing import ClassVar

import django.contrib.postgres.fields
from django.db import migrations, models

TAGS = django.contrib.postgres.fields.ArrayField(
    base_field=models.CharField(max_length=60), blank=True, default=list, size=None
)


class Migration(migrations.Migration):
    """A request keeps the tags its contact had."""

    dependencies: ClassVar = [("hitl", "0005_business_calendars")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="approvalworkflow",
            name="condition",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AlterField(model_name="approvalworkflow", name="contact_tags", field=TAGS),
        migrations.AddField(model_name="approval", name="contact_tags", field=TAGS),
    ]
