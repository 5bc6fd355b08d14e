"""What a company's provider can prove besides a password, as its organisation says."""

from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0016_own_roles_by_groups"),
    ]

    operations = [
        migrations.AddField(
            model_name="identityprovider",
            name="proofs",
            field=models.JSONField(
                default=list, help_text="What values of amr and acr count as: a password, a second factor or a key."
            ),
        ),
    ]
