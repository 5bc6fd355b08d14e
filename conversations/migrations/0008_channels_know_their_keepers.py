import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0007_notes_of_colleagues"),
    ]

    operations = [
        migrations.AddField(
            model_name="channelaccount",
            name="keepers",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(),
                default=list,
                editable=False,
                help_text="Who gave it a secret that proves who writes: they could write in anybody's name.",
                size=None,
            ),
        ),
    ]
