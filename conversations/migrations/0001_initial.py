"""Channels, contacts, conversations, messages and notes."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import conversations.channel_accounts.models
import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ChannelAccount",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("webchat", "Web chat"), ("whatsapp", "WhatsApp"), ("email", "Email"), ("sms", "SMS")],
                        max_length=12,
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("address", models.CharField(blank=True, help_text="Number or mailbox.", max_length=320)),
                (
                    "public_key",
                    models.CharField(
                        default=conversations.channel_accounts.models.new_public_key,
                        editable=False,
                        max_length=40,
                    ),
                ),
                ("credentials", core.privacy.encrypted_fields.EncryptedJSONField(default=dict)),
                (
                    "origins",
                    models.JSONField(
                        blank=True, default=list, help_text="Websites that may show it: scheme, host and port."
                    ),
                ),
                (
                    "keepers",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(),
                        default=list,
                        editable=False,
                        help_text="People who set a secret that proves a sender: they could write in anyone's name.",
                        size=None,
                    ),
                ),
                (
                    "lookup_digest",
                    models.CharField(
                        blank=True, editable=False, help_text="How a webhook finds the account.", max_length=64
                    ),
                ),
                ("last_error", models.CharField(blank=True, editable=False, max_length=60)),
                ("last_error_at", models.DateTimeField(editable=False, null=True)),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("lookup_digest", ""), _negated=True),
                        fields=["lookup_digest"],
                        name="accounts_by_lookup",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("public_key",), name="one_account_per_public_key"),
                    models.UniqueConstraint(
                        condition=models.Q(("address", ""), _negated=True),
                        fields=("tenant_id", "kind", "address"),
                        name="one_account_per_address",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("display_name", core.privacy.encrypted_fields.EncryptedTextField(default=str)),
                ("masked_name", models.CharField(blank=True, max_length=80)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contacts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "linked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "erased_at",
                    models.DateTimeField(editable=False, help_text="When the person was erased.", null=True),
                ),
            ],
            options={
                "permissions": [("erase_contact", "Can erase a contact permanently")],
                "indexes": [
                    models.Index(fields=["tenant_id", "user"], name="contacts_by_user"),
                    models.Index(fields=["tenant_id", "masked_name"], name="contacts_by_masked_name"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ContactPoint",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="points", to="conversations.contact"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("phone", "Phone"),
                            ("email", "Email"),
                            ("bsuid", "WhatsApp id"),
                            ("username", "Username"),
                            ("webchat", "Web chat visitor"),
                            ("member", "Member"),
                        ],
                        max_length=10,
                    ),
                ),
                ("value", core.privacy.encrypted_fields.EncryptedTextField()),
                ("value_index", models.CharField(editable=False, max_length=64)),
                ("masked_value", models.CharField(blank=True, max_length=80)),
                ("is_verified", models.BooleanField(default=False)),
                ("is_primary", models.BooleanField(default=False)),
                (
                    "blocks",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        editable=False,
                        help_text="Channels on which it can't be messaged, and why.",
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "kind", "value_index"), name="one_contact_per_point"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_primary", True)),
                        fields=("tenant_id", "contact", "kind"),
                        name="one_primary_point_per_kind",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ContactTag",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tags", to="conversations.contact"
                    ),
                ),
                ("name", models.CharField(max_length=60)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "name", "contact"), name="one_tag_per_contact")
                ],
            },
        ),
        migrations.CreateModel(
            name="Conversation",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "channel_account",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="conversations.channelaccount"),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="conversations",
                        to="conversations.contact",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("agent", "Agent"), ("person", "Person"), ("closed", "Closed")],
                        default="agent",
                        max_length=8,
                    ),
                ),
                ("resolved", models.BooleanField(null=True)),
                (
                    "assigned_to",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("escalated_at", models.DateTimeField(null=True)),
                ("escalated_by", models.CharField(blank=True, max_length=10)),
                ("escalated_by_id", models.UUIDField(null=True)),
                ("escalation_reason", models.CharField(blank=True, max_length=40)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                ("last_message_at", models.DateTimeField(default=core.clock.now)),
                ("last_inbound_at", models.DateTimeField(null=True)),
                ("staff_seen_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("tenant_id"),
                        models.OrderBy(models.F("last_message_at"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="conversations_by_activity",
                    ),
                    models.Index(
                        models.F("tenant_id"),
                        models.F("state"),
                        models.OrderBy(models.F("last_message_at"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="conversations_by_state",
                    ),
                    models.Index(fields=["tenant_id", "created_at"], name="conversations_by_day"),
                    models.Index(
                        fields=["tenant_id", "contact", "channel_account", "closed_at"], name="conversations_by_contact"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "closed"), _negated=True),
                        fields=("tenant_id", "channel_account", "contact"),
                        name="one_open_conversation",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", False), ("resolved__isnull", False), ("state", "closed")),
                            models.Q(
                                models.Q(("state", "closed"), _negated=True),
                                ("closed_at__isnull", True),
                                ("resolved__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="closed_says_whether_resolved",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("assigned_to__isnull", True), models.Q(("state", "agent"), _negated=True), _connector="OR"
                        ),
                        name="agent_conversation_has_no_assignee",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "channel_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="conversations.channelaccount"
                    ),
                ),
                ("seq", models.BigIntegerField()),
                ("direction", models.CharField(choices=[("in", "In"), ("out", "Out")], max_length=3)),
                (
                    "sender_type",
                    models.CharField(
                        choices=[
                            ("customer", "Customer"),
                            ("agent", "Agent"),
                            ("person", "Person"),
                            ("system", "System"),
                        ],
                        max_length=8,
                    ),
                ),
                ("sender_id", models.UUIDField(null=True)),
                (
                    "sender_name",
                    models.CharField(blank=True, help_text="Opaque, never a person's name.", max_length=80),
                ),
                (
                    "sender_verified",
                    models.BooleanField(default=False, help_text="The channel had proof of the sender."),
                ),
                ("sender_user_id", models.UUIDField(help_text="The colleague behind a verified sender.", null=True)),
                (
                    "content_type",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("image", "Image"),
                            ("video", "Video"),
                            ("audio", "Audio"),
                            ("document", "Document"),
                            ("interactive", "Interactive"),
                            ("location", "Location"),
                        ],
                        default="text",
                        max_length=11,
                    ),
                ),
                ("body", core.privacy.encrypted_fields.EncryptedTextField(default=str)),
                ("masked_body", models.TextField(blank=True)),
                ("media", models.JSONField(blank=True, default=list)),
                ("metadata", core.privacy.encrypted_fields.EncryptedJSONField(default=dict)),
                ("channel_message_id", models.CharField(blank=True, max_length=200)),
                ("client_id", models.UUIDField(null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("received", "Received"),
                            ("queued", "Queued"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("delivered", "Delivered"),
                            ("read", "Read"),
                            ("failed", "Failed"),
                        ],
                        max_length=9,
                    ),
                ),
                ("retry_count", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "conversation", "created_at"], name="messages_by_time"),
                    models.Index(fields=["tenant_id", "created_at"], name="messages_by_day"),
                    models.Index(
                        condition=models.Q(("status__in", ["queued", "sending"])),
                        fields=["next_attempt_at"],
                        name="messages_to_deliver",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "conversation", "seq"), name="one_message_per_number"),
                    models.UniqueConstraint(
                        condition=models.Q(("channel_message_id", ""), _negated=True),
                        fields=("tenant_id", "channel_account", "channel_message_id"),
                        name="one_message_per_channel_id",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("client_id__isnull", False)),
                        fields=("tenant_id", "conversation", "direction", "client_id"),
                        name="one_message_per_client_id",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("direction", "in"), ("status", "received")),
                            models.Q(("direction", "out"), models.Q(("status", "received"), _negated=True)),
                            _connector="OR",
                        ),
                        name="only_inbound_is_received",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Attachment",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attachments",
                        to="conversations.message",
                    ),
                ),
                ("content_type", models.CharField(max_length=100)),
                ("size", models.PositiveIntegerField(default=0)),
                ("filename", core.privacy.encrypted_fields.EncryptedTextField(default=str)),
                ("source", core.privacy.encrypted_fields.EncryptedTextField(default=str)),
                (
                    "content",
                    core.privacy.encrypted_fields.EncryptedTextField(help_text="Base64 of the bytes.", null=True),
                ),
                ("digest", models.CharField(blank=True, max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Pending"), ("stored", "Stored"), ("failed", "Failed")],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "next_attempt_at",
                    models.DateTimeField(help_text="When it is fetched next; empty for never.", null=True),
                ),
                ("error", models.CharField(blank=True, max_length=40)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant_id", "message"], name="attachments_by_message"),
                    models.Index(fields=["tenant_id", "state"], name="attachments_by_state"),
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["next_attempt_at"],
                        name="attachments_to_fetch",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DeliveryAttempt",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="attempts", to="conversations.message"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("started_at", models.DateTimeField(default=core.clock.now)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("unknown", "Unknown"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("provider_id", models.CharField(blank=True, max_length=200)),
                ("error", models.CharField(blank=True, max_length=200)),
                ("permanent", models.BooleanField(default=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "message", "number"), name="one_attempt_per_number")
                ],
            },
        ),
        migrations.CreateModel(
            name="AudienceSend",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("send_key", models.CharField(max_length=120)),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="conversations.contact"
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.message",
                    ),
                ),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "send_key", "contact"), name="one_send_per_contact")
                ],
            },
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notes",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("body", core.privacy.encrypted_fields.EncryptedTextField()),
                ("masked_body", models.TextField()),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "conversation", "-id"], name="notes_newest")],
            },
        ),
    ]
