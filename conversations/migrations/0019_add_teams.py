"""Teams of people, who of them is there, and the clocks of conversations."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0018_add_readings"),
        ("hitl", "0022_name_the_channel_of_a_link"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TeamMember",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "capacity",
                    models.PositiveSmallIntegerField(
                        default=5,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(200),
                        ],
                    ),
                ),
                ("is_lead", models.BooleanField(default=False)),
                (
                    "last_given_at",
                    models.DateTimeField(help_text="When this person was last given a conversation.", null=True),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TeamTarget",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "priority",
                    models.PositiveSmallIntegerField(choices=[(1, "Low"), (2, "Normal"), (3, "High"), (4, "Urgent")]),
                ),
                ("first_answer_minutes", models.PositiveIntegerField(null=True)),
                ("resolution_minutes", models.PositiveIntegerField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="conversation",
            name="first_answered_at",
            field=models.DateTimeField(help_text="By an agent or a person; automatic words don't count.", null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="first_person_answered_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="last_person",
            field=models.ForeignKey(
                db_index=False,
                help_text="Who had it last, also after it was closed.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="next_due_at",
            field=models.DateTimeField(help_text="When the next answer is due by the team's target.", null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="priority",
            field=models.PositiveSmallIntegerField(
                choices=[(1, "Low"), (2, "Normal"), (3, "High"), (4, "Urgent")], default=2
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="team_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="waiting_since",
            field=models.DateTimeField(help_text="When the first message came that has no answer yet.", null=True),
        ),
        migrations.CreateModel(
            name="Availability",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("online", "Available"), ("away", "Away"), ("offline", "Offline")], max_length=7
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("hand", "Chosen"),
                            ("page", "The console was opened"),
                            ("gone", "No page of the console is open"),
                            ("seat", "No longer a member"),
                        ],
                        max_length=4,
                    ),
                ),
                ("reason", models.CharField(blank=True, help_text="Such as “Lunch”.", max_length=60)),
                ("since", models.DateTimeField(default=core.clock.now)),
                ("until", models.DateTimeField(null=True)),
                ("seen_at", models.DateTimeField(help_text="When a page of the console was last open.", null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "availability",
            },
        ),
        migrations.CreateModel(
            name="Team",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("name", models.CharField(max_length=60)),
                (
                    "policy",
                    models.CharField(
                        choices=[("round_robin", "In turn"), ("least_load", "By load: the person with the fewest")],
                        default="round_robin",
                        max_length=12,
                    ),
                ),
                (
                    "prefers_last_person",
                    models.BooleanField(
                        default=True, help_text="The person who had this customer last comes first, if free."
                    ),
                ),
                ("fallback_minutes", models.PositiveSmallIntegerField(default=30)),
                (
                    "away_minutes",
                    models.PositiveSmallIntegerField(
                        default=15,
                        help_text="After these minutes, open work of a person who is away is handed to another.",
                    ),
                ),
                ("is_open", models.BooleanField(default=True, help_text="A closed team is given nothing new.")),
                ("is_default", models.BooleanField(default=False, help_text="Takes what no rule sends elsewhere.")),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "calendar",
                    models.ForeignKey(
                        help_text="Without one, all hours count.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="hitl.businesscalendar",
                    ),
                ),
                (
                    "fallback",
                    models.ForeignKey(
                        help_text="Takes what waits here for too long.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.team",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="conversation",
            name="team",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="conversations",
                to="conversations.team",
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                models.F("tenant_id"),
                models.F("team"),
                models.OrderBy(models.F("priority"), descending=True),
                models.F("escalated_at"),
                condition=models.Q(("assigned_to__isnull", True), ("state", "person")),
                name="conversations_waiting_in_team",
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("assigned_to__isnull", False), ("state", "person")),
                fields=["tenant_id", "team", "assigned_to"],
                name="conversations_open_of_person",
            ),
        ),
        migrations.AddField(
            model_name="teammember",
            name="team",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="members", to="conversations.team"
            ),
        ),
        migrations.AddField(
            model_name="teammember",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="teamtarget",
            name="team",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="targets", to="conversations.team"
            ),
        ),
        migrations.AddIndex(
            model_name="availability",
            index=models.Index(fields=["tenant_id", "user", "-since"], name="availability_of_user"),
        ),
        migrations.AddConstraint(
            model_name="availability",
            constraint=models.UniqueConstraint(
                condition=models.Q(("until__isnull", True)), fields=("tenant_id", "user"), name="one_availability_now"
            ),
        ),
        migrations.AddConstraint(
            model_name="team",
            constraint=models.UniqueConstraint(fields=("tenant_id", "name"), name="one_team_per_name"),
        ),
        migrations.AddConstraint(
            model_name="team",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)), fields=("tenant_id",), name="one_default_team"
            ),
        ),
        migrations.AddIndex(
            model_name="teammember",
            index=models.Index(fields=["tenant_id", "user"], name="teams_of_user"),
        ),
        migrations.AddConstraint(
            model_name="teammember",
            constraint=models.UniqueConstraint(fields=("tenant_id", "team", "user"), name="one_membership_per_team"),
        ),
        migrations.AddConstraint(
            model_name="teamtarget",
            constraint=models.UniqueConstraint(
                fields=("tenant_id", "team", "priority"), name="one_target_per_priority"
            ),
        ),
    ]
