"""A tenant's briefs are read window by window without those of others."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the index."""

    dependencies: ClassVar = [("analytics", "0001_briefs_and_preferences")]
    operations: ClassVar = [
        migrations.AddIndex("brief", models.Index(fields=["tenant_id", "id"], name="briefs_of_tenant")),
    ]
