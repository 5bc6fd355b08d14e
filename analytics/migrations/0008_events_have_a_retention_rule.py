from django.db import migrations

# Days that count already: what was chosen before applied at once.
MOVE = """
insert into core_retentionchoice (id, tenant_id, kind, days, days_before, starts_at, changed_at, changed_by)
select id, tenant_id, 'events', days, null, changed_at, changed_at, null from analytics_eventretention
"""


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("analytics", "0007_person_requests"),
        ("core", "0007_retention"),
    ]

    operations = [
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
        migrations.DeleteModel(name="EventRetention"),
    ]
