from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0034_add_team_chat")]

    operations = [
        migrations.AddField(
            model_name="audiencesend",
            name="left_out",
            field=models.CharField(blank=True, default="", max_length=20),
            preserve_default=False,
        ),
    ]
