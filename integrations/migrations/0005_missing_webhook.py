"""Keeps apart from the last error that a system doesn't know the address of its webhook."""

from django.db import migrations, models

MOVE = (
    "update integrations_provideraccount set webhook_missing = true, last_error = ''"
    " where last_error = 'webhook_by_hand'"
)


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [("integrations", "0004_mirrors")]

    operations = [
        migrations.AddField(
            model_name="provideraccount",
            name="webhook_missing",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="The system didn't take the address of its webhook, and has posted nothing since.",
            ),
        ),
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
    ]
