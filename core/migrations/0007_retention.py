from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("core", "0006_prove_consents"),
    ]

    operations = [
        migrations.CreateModel(
            name="LegalHold",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "subject_type",
                    models.CharField(
                        choices=[
                            ("organisation", "Everything"),
                            ("contact", "One contact"),
                            ("conversation", "One conversation"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "subject_id",
                    models.UUIDField(help_text="The contact or the conversation; empty for everything.", null=True),
                ),
                ("reference", models.CharField(help_text="Of the case, without names.", max_length=60)),
                ("placed_at", models.DateTimeField(default=core.clock.now, verbose_name="placed")),
                ("placed_by", models.UUIDField()),
                ("lifted_at", models.DateTimeField(null=True, verbose_name="lifted")),
                ("lifted_by", models.UUIDField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at__isnull", True)),
                        fields=("tenant_id", "subject_type", "subject_id", "reference"),
                        name="one_open_hold_per_case",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("subject_id__isnull", True), ("subject_type", "organisation")),
                            models.Q(
                                models.Q(("subject_type", "organisation"), _negated=True),
                                ("subject_id__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="holds_name_what_they_hold",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RetentionChoice",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("kind", models.CharField(help_text="The key of a retention rule.", max_length=30)),
                (
                    "days",
                    models.PositiveSmallIntegerField(help_text="Empty: as long as the installation does.", null=True),
                ),
                ("days_before", models.PositiveSmallIntegerField(null=True)),
                ("starts_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField(default=core.clock.now)),
                ("changed_by", models.UUIDField(null=True)),
            ],
            options={
                "permissions": [("manage_retention", "Can choose for how long data is kept, and place legal holds")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "kind"), name="one_retention_choice_per_kind"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("days__isnull", True), ("days__gte", 1), _connector="OR"),
                            models.Q(("days_before__isnull", True), ("days_before__gte", 1), _connector="OR"),
                        ),
                        name="kept_for_a_day_at_least",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("body__isnull", False)),
                fields=["tenant_id", "line"],
                name="webhooks_to_empty",
            ),
        ),
    ]
