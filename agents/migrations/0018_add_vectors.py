"""Add vectors of passages, and what a route for embeddings needs."""

import django.db.models.deletion
from django.db import migrations, models

import agents.knowledge.vector_models
import core.clock
import core.ids
import core.tenancy.scope


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0017_keep_what_was_mended_and_redacted"),
    ]

    operations = [
        migrations.AddField(
            model_name="document",
            name="embed_after",
            field=models.DateTimeField(
                help_text="Until then a worker makes its vectors, or the last try failed.", null=True
            ),
        ),
        migrations.AddField(
            model_name="modelroute",
            name="embedding_dimensions",
            field=models.PositiveSmallIntegerField(default=0, help_text="Numbers in each of its vectors."),
        ),
        migrations.AddField(
            model_name="modelroute",
            name="price_embedding",
            field=models.DecimalField(decimal_places=4, max_digits=12, null=True),
        ),
        migrations.CreateModel(
            name="PassageVector",
            fields=[
                ("id", models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ("base_url", models.CharField(blank=True, help_text="Where the model was asked.", max_length=300)),
                ("model", models.CharField(max_length=80)),
                ("dimensions", models.PositiveSmallIntegerField()),
                ("digest", models.CharField(help_text="SHA-256 of the text that was embedded.", max_length=64)),
                ("embedding", agents.knowledge.vector_models.RealArray()),
                ("created_at", models.DateTimeField(default=core.clock.now, editable=False)),
                (
                    "passage",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="vector", to="agents.passage"
                    ),
                ),
                (
                    "route",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="vectors", to="agents.modelroute"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "route", "model"], name="vectors_by_model")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "dimensions",
                                models.Func("embedding", function="cardinality", output_field=models.IntegerField()),
                            )
                        ),
                        name="vectors_have_their_size",
                    )
                ],
            },
        ),
    ]
