"""Time zone and language of a brief may be those of the person's profile."""

from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("analytics", "0003_sample_gauges"),
    ]

    operations = [
        migrations.AlterField(
            model_name="briefpreference",
            name="language",
            field=models.CharField(
                blank=True,
                choices=[("en", "English"), ("de", "Deutsch"), ("fr", "Français")],
                default="",
                help_text="Empty for that of the profile.",
                max_length=2,
            ),
        ),
        migrations.AlterField(
            model_name="briefpreference",
            name="zone",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Empty for that of the profile.",
                max_length=64,
                verbose_name="time zone",
            ),
        ),
    ]
