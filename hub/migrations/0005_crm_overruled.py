from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [("hub", "0004_crm_field_map")]

    operations = [
        migrations.AddField(
            model_name="crmcontact",
            name="overruled",
            field=models.JSONField(
                db_default={},
                default=dict,
                help_text="By field a digest of the CRM's value that ours was last sent over.",
            ),
        ),
    ]
