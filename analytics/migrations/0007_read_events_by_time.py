"""Exports read events by when they happened, and alerts count those of a type.

The key begins with the time instead of the id, so that no index is added for exports.
"""

from django.db import migrations, models

BY_TIME = """
alter table analytics_event drop constraint analytics_event_pkey;
alter table analytics_event add primary key (tenant_id, created_at, id);
"""
BY_ID = """
alter table analytics_event drop constraint analytics_event_pkey;
alter table analytics_event add primary key (tenant_id, id, created_at);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0006_store_events"),
    ]

    operations = [
        migrations.RunSQL(BY_TIME, BY_ID),
        migrations.AddIndex(
            model_name="storedevent",
            index=models.Index(fields=["tenant_id", "type", "created_at"], name="events_by_type"),
        ),
    ]
