"""Say of each approve-by-email link what ended it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hitl", "0006_guard_erasures"),
    ]

    operations = [
        migrations.AddField(
            model_name="decisiontoken",
            name="ended_by",
            field=models.CharField(
                blank=True,
                choices=[
                    ("used", "It decided the request"),
                    ("newer", "A newer link replaced it"),
                    ("changed", "The request changed or was sent back"),
                    ("delegated", "Someone else decides for the person"),
                    ("removed", "The person lost the right to decide"),
                ],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
    ]
