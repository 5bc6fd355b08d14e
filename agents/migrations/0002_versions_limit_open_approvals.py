from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0001_agents_runs_tool_calls"),
    ]

    operations = [
        migrations.AddField(
            model_name="agentversion",
            name="max_open_approvals",
            field=models.PositiveSmallIntegerField(null=True),
        ),
    ]
