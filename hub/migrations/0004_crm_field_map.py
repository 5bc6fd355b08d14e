from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [("hub", "0003_crm_readings")]

    operations = [
        migrations.AddField(
            model_name="crmswitch",
            name="field_map",
            field=models.JSONField(
                db_default={}, default=dict, help_text="How each field is exchanged; empty as usual."
            ),
        ),
    ]
