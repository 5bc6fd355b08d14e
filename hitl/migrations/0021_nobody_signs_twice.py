"""A workflow may say that nobody signs two levels of one request."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Workflows there are stay as they were."""

    dependencies: ClassVar = [("hitl", "0020_numbers_of_their_own_type")]

    operations: ClassVar = [
        migrations.AddField(model_name="approvalworkflow", name="signs_once", field=models.BooleanField(default=False)),
    ]
