from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0004_hide_the_set_up"),
    ]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="next_after_answer",
            field=models.BooleanField(
                default=True,
                help_text="Whether the next conversation opens after a reply, close or snooze of the person.",
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="next_after_decision",
            field=models.BooleanField(
                default=True, help_text="Whether the next request opens after a decision of the person."
            ),
        ),
    ]
