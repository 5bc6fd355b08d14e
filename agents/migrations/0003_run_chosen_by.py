"""What chose the agent of a run."""

from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("agents", "0002_passage_words"),
    ]

    operations = [
        migrations.AddField(
            model_name="agentrun",
            name="chosen_by",
            field=models.JSONField(
                default=dict,
                help_text="What chose the agent: the rule by its name then, and which agent that rule couldn't have.",
            ),
        ),
    ]
