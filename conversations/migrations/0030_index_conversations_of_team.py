"""Index conversations by team, for people who see only those of their own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0029_canned_replies_have_languages_and_files"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("team__isnull", False)), fields=["tenant_id", "team"], name="conversations_of_team"
            ),
        ),
    ]
