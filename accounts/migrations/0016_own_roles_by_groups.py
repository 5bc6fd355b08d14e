"""Own roles in the rules of the company's sign-in, and who set these."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("accounts", "0015_directories"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="identityprovider", name="identity_providers_make_no_owner"),
        migrations.AddConstraint(
            model_name="identityprovider",
            constraint=models.CheckConstraint(
                condition=models.Q(("default_role__in", ["admin", "approver", "support", "compliance", "viewer"])),
                name="everyone_else_has_a_built_in_role",
            ),
        ),
        migrations.AddField(
            model_name="identityprovider",
            name="rules_by",
            field=models.ForeignKey(
                db_index=False,
                help_text="Who set the rules: own roles are given only while this person may give them.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
