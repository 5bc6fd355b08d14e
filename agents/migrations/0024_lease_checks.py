"""Give the fence of checks the default that all rows have that workers claim."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0023_count_answered_messages"),
    ]

    operations = [
        migrations.AlterField(
            model_name="evalrun",
            name="fence",
            field=models.PositiveIntegerField(db_default=0, default=0, help_text="Which claim has it; each raises it."),
        ),
        migrations.AlterField(
            model_name="evalrun",
            name="lease_until",
            field=models.DateTimeField(help_text="Until then a worker has it.", null=True),
        ),
    ]
