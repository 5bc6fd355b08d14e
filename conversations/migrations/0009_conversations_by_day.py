"""The index of the chart of conversations by day; what it reads is vacuumed early, so that the index alone answers."""

from typing import ClassVar

from django.db import migrations, models

_TABLES = ("conversations_conversation", "conversations_message")
_SOON = ("autovacuum_vacuum_scale_factor", "autovacuum_vacuum_insert_scale_factor", "autovacuum_analyze_scale_factor")


class Migration(migrations.Migration):
    dependencies: ClassVar = [("conversations", "0008_channels_know_their_keepers")]
    operations: ClassVar = [
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(fields=["tenant_id", "created_at"], name="conversations_by_day"),
        ),
        migrations.RunSQL(
            [f"alter table {table} set ({', '.join(f'{name} = 0.02' for name in _SOON)})" for table in _TABLES],
            [f"alter table {table} reset ({', '.join(_SOON)})" for table in _TABLES],
        ),
    ]
