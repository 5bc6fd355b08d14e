"""A device's tokens also end when its person's second factor is reset."""

from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0010_factors_by_role"),
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
                    ("reset", "Their second factor was reset"),
                    ("too_many", "The person signed in on too many devices"),
                ],
                default="",
                max_length=10,
            ),
        ),
    ]
