"""Add saved views: filters, search and order of a list that a person keeps under a name."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_add_notices"),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("list_key", models.CharField(help_text="The list, such as hitl.approval.", max_length=60)),
                ("name", models.CharField(max_length=40)),
                ("query", models.CharField(help_text="The query string of the list.", max_length=600)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "person", "list_key", "name"), name="one_view_per_list_and_name"
                    )
                ],
            },
        ),
    ]
