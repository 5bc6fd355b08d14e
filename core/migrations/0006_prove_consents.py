"""Consents keep what they are proven by: the version of the words, how, where, the evidence, and when they expire."""

import django.db.models.deletion
from django.db import migrations, models

import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("core", "0005_count_rotated_rows"),
    ]

    operations = [
        migrations.CreateModel(
            name="ConsentWording",
            fields=[
                (
                    "id",
                    models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("reply", "Replies"),
                            ("service", "Outcomes of requests"),
                            ("notice", "Notices"),
                            ("marketing", "Marketing"),
                            ("account", "Sign-in and invitations"),
                        ],
                        max_length=9,
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("text", models.TextField()),
                ("created_by", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "purpose", "version"), name="one_wording_per_version")
                ],
            },
        ),
        migrations.AddField(
            model_name="consent",
            name="wording",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="core.consentwording",
            ),
        ),
        migrations.AddField(
            model_name="consent",
            name="way",
            field=models.CharField(
                blank=True,
                choices=[
                    ("form", "Form on a website"),
                    ("chat", "Chat or message"),
                    ("email", "Email"),
                    ("phone", "Phone call"),
                    ("paper", "Paper"),
                    ("person", "In person"),
                ],
                max_length=6,
                verbose_name="how",
            ),
        ),
        migrations.AddField(
            model_name="consent",
            name="place",
            field=models.CharField(blank=True, max_length=200, verbose_name="where"),
        ),
        migrations.AddField(
            model_name="consent",
            name="evidence",
            field=models.CharField(blank=True, help_text="Where the proof is kept.", max_length=120),
        ),
        migrations.AddField(
            model_name="consent",
            name="expires_at",
            field=models.DateTimeField(help_text="From then on it counts as none.", null=True, verbose_name="expires"),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "given"),
                    models.Q(("evidence", ""), ("expires_at", None), ("place", ""), ("way", ""), ("wording", None)),
                    _connector="OR",
                ),
                name="only_what_was_given_has_a_proof",
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at", None), ("expires_at__gt", models.F("at")), _connector="OR"),
                name="consents_end_after_they_begin",
            ),
        ),
    ]
