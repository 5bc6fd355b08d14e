"""Entries about the installation are owed to every organisation's audit chain until it has them."""

import django.contrib.postgres.fields
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_colleagues_are_invited"),
    ]

    operations = [
        migrations.CreateModel(
            name="OwedEntry",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("actor", models.JSONField()),
                ("home", models.UUIDField(help_text="The organisation the actor was in.", null=True)),
                ("action", models.CharField(max_length=60)),
                ("object_type", models.CharField(max_length=60)),
                ("object_id", models.UUIDField()),
                ("new_state", models.CharField(blank=True, max_length=30)),
                ("event", models.JSONField(help_text="Type and payload for each organisation's queue.", null=True)),
                (
                    "owed_to",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), help_text="The organisations that lack it.", size=None
                    ),
                ),
            ],
        ),
    ]
