"""Give calls of models the columns of all rows that have a lease."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0027_lease_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="modelcall",
            name="fence",
            field=models.PositiveIntegerField(db_default=0, default=0, help_text="Which claim has it; each raises it."),
        ),
        migrations.AlterField(
            model_name="modelcall",
            name="lease_until",
            field=models.DateTimeField(help_text="Until then a worker has it.", null=True),
        ),
    ]
