"""The index of the chart of decisions by day."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("hitl", "0003_missing_moves")]
    operations: ClassVar = [
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(fields=["tenant_id", "decided_at"], name="approvals_by_decision"),
        ),
    ]
