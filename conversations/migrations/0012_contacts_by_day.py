"""An index for lists of contacts by when they appeared."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0011_add_pause_and_log_of_channel_accounts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["tenant_id", "created_at"], name="contacts_by_day"),
        ),
    ]
