import django.contrib.postgres.fields
import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("conversations", "0006_tell_typed_addresses"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BulkChange",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("lease_until", models.DateTimeField(help_text="Until then a worker has it.", null=True)),
                (
                    "fence",
                    models.PositiveIntegerField(
                        db_default=0, default=0, help_text="Which claim has it; each raises it."
                    ),
                ),
                ("key", models.UUIDField(help_text="Of the maker's form: sent again, it is the same change.")),
                ("change", models.CharField(max_length=10)),
                (
                    "values",
                    models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder),
                ),
                (
                    "conversation_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None),
                ),
                (
                    "results",
                    models.JSONField(
                        default=list, help_text="Of the first ones a code and a sentence; empty for one done."
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "maker",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("finished_at__isnull", True)),
                        fields=["lease_until"],
                        name="bulk_changes_at_work",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "maker", "key"), name="one_bulk_change_per_key")
                ],
            },
        ),
    ]
