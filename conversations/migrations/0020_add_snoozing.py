"""Snoozed conversations, and the due times that people were told of."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0019_add_teams"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="missed_due_at",
            field=models.DateTimeField(help_text="The due time that is known to be missed.", null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="snoozed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="snoozed_due_seconds",
            field=models.IntegerField(help_text="What its clock had left when it was snoozed.", null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="snoozed_until",
            field=models.DateTimeField(help_text="Nobody is given it, and no clock runs, until then.", null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="warned_due_at",
            field=models.DateTimeField(help_text="The due time that people were warned of.", null=True),
        ),
        migrations.AddField(
            model_name="team",
            name="warning_minutes",
            field=models.PositiveSmallIntegerField(
                default=10, help_text="How many minutes before an answer is due its person is warned."
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("snoozed_until__isnull", False)),
                fields=["snoozed_until"],
                name="conversations_snoozed",
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("next_due_at__isnull", False), ("state", "person")),
                fields=["next_due_at"],
                name="conversations_due",
            ),
        ),
    ]
