"""Indexes for lists of audit entries and consents by time."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0009_addresses_can_be_reachable_again"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["tenant_id", "at"], name="audit_by_day"),
        ),
        migrations.AddIndex(
            model_name="consent",
            index=models.Index(fields=["tenant_id", "recorded_at"], name="consents_by_day"),
        ),
    ]
