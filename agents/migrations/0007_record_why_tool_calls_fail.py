"""Codes, attempts and times of tool calls."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0006_add_drafts"),
    ]

    operations = [
        migrations.AddField(
            model_name="toolcall",
            name="code",
            field=models.CharField(
                blank=True, default="", help_text="Why it was refused or failed; empty if it was done.", max_length=40
            ),
            preserve_default=False,
        ),
        migrations.AddField(model_name="toolcall", name="attempts", field=models.PositiveSmallIntegerField(default=0)),
        migrations.AddField(model_name="toolcall", name="milliseconds", field=models.PositiveIntegerField(null=True)),
        migrations.AddField(model_name="toolcall", name="is_cached", field=models.BooleanField(default=False)),
        migrations.AddField(
            model_name="toolcall",
            name="is_foreign",
            field=models.BooleanField(default=False, help_text="The result holds text of third parties."),
        ),
    ]
