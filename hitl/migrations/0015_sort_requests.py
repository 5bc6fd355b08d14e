"""Index what lists of requests are sorted by: risk, cost and deadline."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hitl", "0014_search_requests"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(fields=["tenant_id", "risk_score", "id"], name="approvals_by_score"),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                models.F("tenant_id"),
                models.OrderBy(models.F("cost"), descending=True, nulls_last=True),
                models.OrderBy(models.F("id"), descending=True),
                name="approvals_by_cost",
            ),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(fields=["tenant_id", "sla_due_at", "id"], name="approvals_by_deadline"),
        ),
    ]
