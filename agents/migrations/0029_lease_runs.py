"""Give the fence of runs the default that all rows have that workers claim."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0028_lease_calls"),
    ]

    operations = [
        migrations.AlterField(
            model_name="agentrun",
            name="fence",
            field=models.PositiveIntegerField(db_default=0, default=0, help_text="Which claim has it; each raises it."),
        ),
        migrations.AlterField(
            model_name="agentrun",
            name="lease_until",
            field=models.DateTimeField(help_text="Until then a worker has it.", null=True),
        ),
    ]
