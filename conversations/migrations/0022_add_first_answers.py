"""Since when a customer waited for the first answers, without snoozed time."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0021_add_canned_replies"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="asked_at",
            field=models.DateTimeField(help_text="When the message came that the first answer is for.", null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="person_asked_at",
            field=models.DateTimeField(
                help_text="Since when the customer waited for the first answer of a person.", null=True
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="rests",
            field=models.JSONField(
                default=list,
                editable=False,
                help_text="From when to when it was snoozed before a person's first answer.",
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("first_person_answered_at__isnull", False), ("person_asked_at__isnull", False)),
                fields=["tenant_id", "team", "-first_person_answered_at"],
                name="conversations_waits_of_team",
            ),
        ),
    ]
