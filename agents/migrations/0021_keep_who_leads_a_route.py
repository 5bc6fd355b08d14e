"""Keep who chose the address, key or model of a route: they sign nothing that its agents ask for."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0020_let_models_judge_passages"),
    ]

    operations = [
        migrations.AddField(
            model_name="modelroute",
            name="editors",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(),
                default=list,
                help_text="Who chose its address, key or model.",
                size=None,
            ),
        ),
    ]
