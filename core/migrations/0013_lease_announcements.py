"""Give announcements a fence, as all rows have that workers claim."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0012_read_events_in_commit_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="outbox",
            name="fence",
            field=models.PositiveIntegerField(db_default=0, default=0, help_text="Which claim has it; each raises it."),
        ),
        migrations.AlterField(
            model_name="outbox",
            name="lease_until",
            field=models.DateTimeField(help_text="Until then a worker has it.", null=True),
        ),
    ]
