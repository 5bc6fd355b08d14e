"""Merge contacts: what came with a merged one names it, and what moved is recorded."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope

PERSON = {"null": True, "on_delete": django.db.models.deletion.PROTECT, "related_name": "+"}


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0030_index_conversations_of_team"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="contact",
            options={
                "permissions": [
                    ("erase_contact", "Can erase a contact permanently"),
                    ("merge_contact", "Can merge contacts"),
                ]
            },
        ),
        migrations.AddField(
            model_name="contact",
            name="merged_into",
            field=models.ForeignKey(
                editable=False,
                help_text="The contact of the same person that has its addresses and conversations now.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merged",
                to="conversations.contact",
            ),
        ),
        migrations.AddField(
            model_name="contactpoint",
            name="origin",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                help_text="The merged contact that it came with; empty for the contact's own.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.contact",
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="origin",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                help_text="The merged contact that it came with: only its addresses belong to this conversation.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.contact",
            ),
        ),
        migrations.RemoveConstraint(model_name="contactpoint", name="one_primary_point_per_kind"),
        migrations.AddConstraint(
            model_name="contactpoint",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_primary", True)),
                fields=("tenant_id", "contact", "origin", "kind"),
                name="one_primary_point_per_kind",
                nulls_distinct=False,
            ),
        ),
        migrations.RemoveConstraint(model_name="conversation", name="one_open_conversation"),
        migrations.AddConstraint(
            model_name="conversation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "closed"), _negated=True),
                fields=("tenant_id", "channel_account", "contact", "origin", "thread"),
                name="one_open_conversation",
                nulls_distinct=False,
            ),
        ),
        migrations.CreateModel(
            name="ContactMerge",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("reason", core.privacy.encrypted_fields.EncryptedTextField()),
                ("masked_reason", models.TextField()),
                ("moved", models.JSONField(default=dict, help_text="The ids of what moved, by kind.")),
                ("merged_at", models.DateTimeField(default=core.clock.now)),
                ("undone_at", models.DateTimeField(null=True)),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="merges", to="conversations.contact"
                    ),
                ),
                (
                    "merged",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="conversations.contact"
                    ),
                ),
                ("merged_by", models.ForeignKey(to=settings.AUTH_USER_MODEL, **PERSON)),
                ("undone_by", models.ForeignKey(to=settings.AUTH_USER_MODEL, **PERSON)),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "contact", "-id"], name="merges_by_contact")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("undone_at", None)),
                        fields=("tenant_id", "merged"),
                        name="one_merge_per_contact",
                    ),
                ],
            },
        ),
    ]
