"""Let a model judge whether passages answer a question."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0019_sweep_trials_and_checks"),
    ]

    operations = [
        migrations.AddField(
            model_name="agentversion",
            name="asks_judge",
            field=models.BooleanField(
                default=False, help_text="Where it is unclear whether passages answer a question, a model is asked."
            ),
        ),
        migrations.AddField(
            model_name="modelroute",
            name="judges",
            field=models.BooleanField(default=False, help_text="Asked whether passages answer a question."),
        ),
        migrations.AlterField(
            model_name="modelcall",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("answer", "Answer"),
                    ("brief", "Daily brief"),
                    ("test", "Test"),
                    ("trial", "Trial"),
                    ("embedding", "Embedding"),
                    ("judging", "Check of passages"),
                ],
                default="answer",
                max_length=9,
            ),
        ),
    ]
