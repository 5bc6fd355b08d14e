"""Let a version name the collections that it answers from."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0010_add_sites"),
    ]

    operations = [
        migrations.AddField(
            model_name="agentversion",
            name="collections",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(),
                default=list,
                help_text="Those of its knowledge; empty for all that a caller may see.",
                size=None,
            ),
        ),
    ]
