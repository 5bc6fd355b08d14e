"""Own roles in the rules of the company's sign-in, and who set these."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0015_directories"),
    ]

    operations = [
        migrations.AlterField(
            model_name="identityprovider",
            name="default_role",
            field=models.CharField(default="viewer", max_length=14),
        ),
        migrations.AddField(
            model_name="identityprovider",
            name="rules_by",
            field=models.ForeignKey(
                db_index=False,
                help_text=("Who set rules and default role: own roles are given only while this person may give them."),
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
