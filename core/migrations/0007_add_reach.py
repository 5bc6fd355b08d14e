"""Add the consent ledger, reply windows, numbers of marketing messages and the rules about them."""

from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0006_count_refusals"),
    ]

    operations = [
        migrations.CreateModel(
            name="Consent",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("address_index", models.CharField(editable=False, max_length=64)),
                ("channel", models.CharField(max_length=12)),
                (
                    "purpose",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("reply", "Replies"),
                            ("service", "Outcomes of requests"),
                            ("notice", "Notices"),
                            ("marketing", "Marketing"),
                            ("account", "Sign-in and invitations"),
                        ],
                        help_text="Empty where the state isn't about a purpose.",
                        max_length=9,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("unreachable", "Not reachable"),
                            ("blocked", "Blocked"),
                            ("unblocked", "Unblocked"),
                            ("given", "Agreed"),
                            ("withdrawn", "Opted out"),
                        ],
                        max_length=11,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("customer", "Message from the person"),
                            ("provider", "Report of the provider"),
                            ("staff", "Colleague"),
                            ("api", "API"),
                        ],
                        max_length=8,
                    ),
                ),
                ("at", models.DateTimeField(default=core.clock.now, help_text="When it was said.")),
                ("recorded_by", models.UUIDField(help_text="The colleague who recorded it.", null=True)),
                ("recorded_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "permissions": [("record_consent", "Can record consents and opt-outs")],
                "indexes": [
                    models.Index(
                        models.F("tenant_id"),
                        models.F("address_index"),
                        models.F("channel"),
                        models.F("purpose"),
                        models.F("state"),
                        models.OrderBy(models.F("at"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="consents_by_address",
                    ),
                    models.Index(fields=["tenant_id", "-id"], name="consents_by_time"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("state__in", ["given", "withdrawn"]),
                                models.Q(("purpose__in", ["", "account"]), _negated=True),
                            ),
                            models.Q(models.Q(("state__in", ["given", "withdrawn"]), _negated=True), ("purpose", "")),
                            _connector="OR",
                        ),
                        name="consents_name_their_purpose",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReachPolicy",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("zone", models.CharField(default="UTC", max_length=64, verbose_name="time zone")),
                ("quiet_from", models.TimeField(null=True, verbose_name="quiet from")),
                ("quiet_until", models.TimeField(null=True, verbose_name="quiet until")),
                ("per_contact", models.PositiveIntegerField(default=3, verbose_name="per contact and day")),
                ("per_day", models.PositiveIntegerField(default=0, verbose_name="per day")),
                ("needs_consent", models.BooleanField(default=False, verbose_name="only with consent")),
                ("changed_at", models.DateTimeField(default=core.clock.now)),
            ],
            options={
                "verbose_name_plural": "reach policies",
                "permissions": [("change_reach", "Can change the rules for marketing messages")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id",), name="one_reach_policy"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("quiet_from", None), ("quiet_until", None)),
                            models.Q(
                                ("quiet_from__isnull", False),
                                ("quiet_until__isnull", False),
                                models.Q(("quiet_from", models.F("quiet_until")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="reach_quiet_hours_begin_and_end",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReplyWindow",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("address_index", models.CharField(editable=False, max_length=64)),
                ("line", models.UUIDField(help_text="The channel account: our number, mailbox or app.")),
                ("wrote_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "address_index", "line"), name="one_window_per_line")
                ],
            },
        ),
        migrations.CreateModel(
            name="SendCount",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("address_index", models.CharField(blank=True, editable=False, max_length=64)),
                ("day", models.DateField(help_text="The organisation's day.")),
                ("sent", models.PositiveIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "address_index", "day"), name="one_send_count_per_day")
                ],
            },
        ),
    ]
