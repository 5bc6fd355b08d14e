from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [("hub", "0002_crm")]

    operations = [
        migrations.AddField(
            model_name="crmcontact",
            name="seen_at",
            field=models.DateTimeField(help_text="When a reading of all contacts last saw it there.", null=True),
        ),
        migrations.AddField(
            model_name="crmcontact",
            name="there",
            field=models.JSONField(
                db_default={},
                default=dict,
                help_text="By field a digest of what the CRM has, written or read, with a key.",
            ),
        ),
    ]
