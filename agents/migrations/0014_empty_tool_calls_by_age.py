from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("agents", "0013_tools_limited_to_teams"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="toolcall",
            index=models.Index(
                condition=models.Q(("arguments", {}), ("fingerprint", ""), ("result", {}), _negated=True),
                fields=["tenant_id", "id"],
                name="tool_calls_to_empty",
            ),
        ),
    ]
