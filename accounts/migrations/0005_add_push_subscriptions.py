"""Add the browsers that show notices while no page is open, and the messages on their way to them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_add_saved_views"),
    ]

    operations = [
        migrations.CreateModel(
            name="PushSubscription",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("endpoint", core.privacy.encrypted_fields.EncryptedTextField()),
                ("keys", core.privacy.encrypted_fields.EncryptedJSONField()),
                ("endpoint_digest", models.CharField(help_text="Blind index of the endpoint.", max_length=64)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("sent_at", models.DateTimeField(help_text="When the push service last took a message.", null=True)),
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
        ),
        migrations.CreateModel(
            name="PushMessage",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("notice_id", models.UUIDField(help_text="The notice; if it is gone or seen, nothing is sent.")),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("due_at", models.DateTimeField(default=core.clock.now)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.pushsubscription"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="pushsubscription",
            index=models.Index(fields=["tenant_id", "person"], name="subscriptions_by_person"),
        ),
        migrations.AddConstraint(
            model_name="pushsubscription",
            constraint=models.UniqueConstraint(
                fields=("tenant_id", "endpoint_digest"), name="one_subscription_per_browser"
            ),
        ),
        migrations.AddIndex(
            model_name="pushmessage",
            index=models.Index(fields=["due_at"], name="push_messages_by_due"),
        ),
    ]
