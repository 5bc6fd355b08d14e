"""Deliveries of a paused channel are held."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channels_app", "0002_read_mailboxes")]

    operations = [
        migrations.AlterField(
            model_name="inbounddelivery",
            name="state",
            field=models.CharField(
                choices=[("received", "Received"), ("held", "Held"), ("done", "Done"), ("parked", "Parked")],
                default="received",
                max_length=8,
            ),
        ),
    ]
