"""A line of the ledger can say that an address is reachable again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0008_send_webhooks"),
    ]

    operations = [
        migrations.AlterField(
            model_name="consent",
            name="state",
            field=models.CharField(
                choices=[
                    ("unreachable", "Not reachable"),
                    ("reachable", "Reachable again"),
                    ("blocked", "Blocked"),
                    ("unblocked", "Unblocked"),
                    ("given", "Agreed"),
                    ("withdrawn", "Opted out"),
                ],
                max_length=11,
            ),
        ),
    ]
