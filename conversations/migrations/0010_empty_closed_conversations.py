from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("conversations", "0009_fields_that_agents_read"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="emptied_at",
            field=models.DateTimeField(editable=False, help_text="When its texts went by their age.", null=True),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", False), ("emptied_at__isnull", True)),
                fields=["tenant_id", "closed_at"],
                name="conversations_to_empty",
            ),
        ),
    ]
