"""Where people's sessions were last used."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0006_member_pictures"),
    ]

    operations = [
        migrations.CreateModel(
            name="BrowserSession",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("digest", models.CharField(help_text="Digest of the session's key.", max_length=64, unique=True)),
                (
                    "device",
                    models.CharField(
                        help_text="Browser and system in our words, such as Firefox on Windows.", max_length=60
                    ),
                ),
                (
                    "network",
                    models.CharField(
                        blank=True, help_text="The network of the address, never the address.", max_length=43
                    ),
                ),
                ("seen_at", models.DateTimeField(default=core.clock.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
