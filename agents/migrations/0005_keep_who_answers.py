"""Let customers get the agent that they have today, where several are switched on and nobody has chosen one."""

from django.db import migrations

# The agent that answered without a topic: the oldest, a built-in one first, also beside a single own one, which would
# answer without a rule. A tenant with a single agent needs none.
KEEP = """
insert into agents_answerrule
  (id, tenant_id, name, position, within_hours, condition, agent_id, is_active, version, created_at)
select gen_random_uuid(), first.tenant_id, 'Customers', 0, true, 'colleague == "no"', first.id, true, 1, now()
from (
  select distinct on (tenant_id) tenant_id, id from agents_agent
  where is_active and active_version_id is not null
  order by tenant_id, not is_system, created_at
) first
where (
  select count(*) from agents_agent other
  where other.tenant_id = first.tenant_id and other.is_active and other.active_version_id is not null
) > 1
"""


class Migration(migrations.Migration):
    kind = "expand"

    dependencies = [
        ("agents", "0004_answer_rules"),
    ]

    operations = [
        migrations.RunSQL(KEEP, migrations.RunSQL.noop),
    ]
