"""Move blocks to the consent ledger and reply windows to their own rows; messages say what they are for."""

from django.db import migrations, models

# An opt-out was about everything, an unreachable address about nothing in particular.
BLOCKS = """
insert into core_consent
  (id, tenant_id, address_index, channel, purpose, state, source, at, recorded_by, recorded_at)
select gen_random_uuid(), p.tenant_id, p.value_index, b.key, w.purpose, w.state, w.source,
  (b.value ->> 'since')::timestamptz, null, now()
from conversations_contactpoint p, jsonb_each(p.blocks) b, (values
  ('opted_out', 'reply', 'withdrawn', 'customer'), ('opted_out', 'service', 'withdrawn', 'customer'),
  ('opted_out', 'notice', 'withdrawn', 'customer'), ('opted_out', 'marketing', 'withdrawn', 'customer'),
  ('unreachable', '', 'unreachable', 'provider')
) w(reason, purpose, state, source)
where w.reason = b.value ->> 'reason'
"""
WINDOWS = """
insert into core_replywindow (id, tenant_id, address_index, line, wrote_at)
select gen_random_uuid(), p.tenant_id, p.value_index, c.channel_account_id, max(c.last_inbound_at)
from conversations_conversation c
join conversations_contactpoint p on p.tenant_id = c.tenant_id and p.contact_id = c.contact_id
where c.last_inbound_at is not null and p.kind not in ('webchat', 'member')
group by p.tenant_id, p.value_index, c.channel_account_id
"""
CAMPAIGNS = """
update conversations_message m set purpose = 'marketing'
from conversations_audiencesend s where s.tenant_id = m.tenant_id and s.message_id = m.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0005_add_provider_of_channel_account"),
        ("core", "0007_add_reach"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("reply", "Replies"),
                    ("service", "Outcomes of requests"),
                    ("notice", "Notices"),
                    ("marketing", "Marketing"),
                    ("account", "Sign-in and invitations"),
                ],
                default="reply",
                max_length=9,
            ),
        ),
        migrations.RunSQL([BLOCKS, WINDOWS, CAMPAIGNS], migrations.RunSQL.noop),
        migrations.RemoveField(model_name="contactpoint", name="blocks"),
    ]
