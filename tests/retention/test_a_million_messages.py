"""A million old messages go in short batches while people go on writing."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from conversations.models import ChannelAccount, Conversation, Message
from core.db.roles import allow_long_statements, as_owner
from core.models import RetentionChoice
from core.privacy.retention import services
from core.tenancy.scope import tenant_scope
from tests.console.scene import write_in
from tests.world import World

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
ROWS = int(os.environ.get("WALKER_RETENTION_TEST_ROWS", "1000000"))
EACH = 10
SECONDS = 60.0
"""For how long batches are watched: as many go in each minute until the end."""
LONGEST_BATCH = 1.0
STORED_P95 = 0.1
"""Seconds until a message is stored, on a machine that also runs the batches."""
# By hand: a bulk_create of a million rows takes minutes.
TALKS = """
insert into conversations_conversation (
  id, tenant_id, channel_account_id, contact_id, thread, state, resolved, priority, rests, escalated_by,
  escalation_reason, created_at, last_message_at, closed_at, intent, language, urgency, lead, reading, read_seq
) select gen_random_uuid(), tenant_id, channel_account_id, contact_id, '', 'closed', true, 2, '[]', '', '',
  now() - interval '401 days', now() - interval '400 days', now() - interval '400 days', 'other', 'en', 0, 0, '{}', 0
from conversations_conversation, generate_series(1, %s) n
"""
WORDS = """
insert into conversations_message (
  id, tenant_id, conversation_id, channel_account_id, seq, direction, sender_type, sender_name, sender_verified,
  content_type, purpose, body, masked_body, media, metadata, channel_message_id, status, retry_count, created_at
) select gen_random_uuid(), m.tenant_id, c.id, m.channel_account_id, n, 'in', 'customer', '', false,
  m.content_type, m.purpose, m.body, m.masked_body, '[]', m.metadata, '', 'received', 0, now() - interval '400 days'
from conversations_message m, conversations_conversation c, generate_series(1, %s) n where c.state = 'closed'
"""


def test_a_million_messages_go_in_short_batches_beside_the_chat(committed_world: World, record_property: Any) -> None:
    acme = committed_world.acme.pk
    with tenant_scope(acme):
        line = ChannelAccount.objects.create(kind="webchat", name="Chat")
        write_in(line, "Where is my parcel? It has been on its way since Monday.")
        with transaction.atomic(), connection.cursor() as cursor:
            allow_long_statements()
            cursor.execute(TALKS, [ROWS // EACH])
            cursor.execute(WORDS, [EACH])
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("analyze")
        RetentionChoice.objects.create(
            kind="conversations", days=365, starts_at=Conversation.objects.earliest("closed_at").closed_at
        )

        def apply() -> list[float]:
            took: list[float] = []
            try:
                with tenant_scope(acme):
                    while sum(took) < SECONDS:
                        began = time.perf_counter()
                        if not services.apply_rule("conversations"):
                            break
                        took.append(time.perf_counter() - began)
            finally:
                connection.close()
            return took

        stored: list[float] = []
        with ThreadPoolExecutor(1) as pool:
            going = pool.submit(apply)
            while not going.done():
                began = time.perf_counter()
                write_in(line, f"Hello {len(stored)}")
                stored.append(time.perf_counter() - began)
                time.sleep(0.05)
            batches = sorted(going.result())
        emptied = Message.objects.filter(masked_body="[erased]").count()
    p95 = sorted(stored)[int(len(stored) * 0.95)]
    words = (
        f"{emptied} of {ROWS} messages in {sum(batches):.0f} s, {len(batches)} batches of at most {batches[-1]:.2f} s; "
        f"{len(stored)} messages stored meanwhile, p95 {p95 * 1000:.0f} ms"
    )
    print(words)  # noqa: T201  (the figures of the evidence)
    record_property("retention", words)
    assert emptied >= min(ROWS, 100 * SECONDS), words
    assert batches[-1] < LONGEST_BATCH, words
    assert p95 < STORED_P95, words
