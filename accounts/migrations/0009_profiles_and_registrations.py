"""Devices that end because a person signed in on too many."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_tokens"),
    ]

    operations = [
        migrations.AlterField(
            model_name="tokenfamily",
            name="ended_why",
            field=models.CharField(
                blank=True,
                choices=[
                    ("signed_out", "The device signed out"),
                    ("ended", "The person ended it"),
                    ("reused", "A used refresh token came again"),
                    ("left", "The person left the organisation"),
                    ("too_many", "The person signed in on too many devices"),
                ],
                default="",
                max_length=10,
            ),
        ),
    ]
