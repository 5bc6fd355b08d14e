from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [("hub", "0005_crm_overruled")]

    operations = [
        migrations.AddField(
            model_name="crmcontact",
            name="waiting_since",
            field=models.DateTimeField(
                help_text="Since when there is something to do that isn't done; empty without.", null=True
            ),
        ),
    ]
