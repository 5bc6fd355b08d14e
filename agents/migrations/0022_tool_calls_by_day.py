"""Read the tool calls of a span of time by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0021_keep_who_leads_a_route"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="toolcall",
            index=models.Index(fields=["tenant_id", "created_at"], name="tool_calls_by_day"),
        ),
    ]
