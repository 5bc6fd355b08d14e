"""Exports of a million rows and of a long talk in a worker's memory, and Parquet where its package is installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection

from analytics.exports import downloads, jobs, work
from analytics.exports.people.requests import export_contact
from analytics.models import Export
from conversations.models import ChannelAccount, Contact, Conversation, Message
from core.clock import now
from core.tenancy.scope import tenant_scope
from tests.console.scene import NAME, write_in
from tests.world import World

pytestmark = [pytest.mark.long, pytest.mark.django_db]
ROOT = Path(__file__).resolve().parents[3]
MESSAGES = 50_000
ROWS = int(os.environ.get("WALKER_EXPORT_TEST_ROWS", "1000000"))
MOST_MIB = 40
"""What an export may add to a process that has the product loaded, however many rows there are."""
# One statement: a bulk_create of a million rows takes minutes.
FILL = """
insert into conversations_conversation (
  id, tenant_id, channel_account_id, contact_id, thread, state, resolved, priority, rests, escalated_by,
  escalation_reason, created_at, last_message_at, closed_at, intent, language, urgency, lead, reading, read_seq
) select gen_random_uuid(), %(tenant)s, %(line)s, %(contact)s, '', 'closed', true, 2, '[]', '', '',
  now() - interval '1 day' + n * interval '1 millisecond', now(), now(), 'other', 'en', 0, 0, '{}', 0
from generate_series(1, %(rows)s) n
"""


def ask(world: World, format: str) -> Export:
    span = {"since": now() - timedelta(days=2), "until": now()}
    return jobs.request_export(actor=world.actor("admin"), wanted=jobs.Wanted("conversations", format, **span))


def written_apart(world: World, export: Export) -> tuple[int, ...]:
    """Let a process of its own write an export; return its memory before, at most, of a child (MiB), and seconds."""
    here = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{settings.DATABASES['default']['NAME']}"))
    command = [sys.executable, "-m", "tests.analytics.exports.export_process", str(world.acme.pk), str(export.pk)]
    environment = {**os.environ, "DATABASE_URL": here}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    export.refresh_from_db()
    return tuple(map(int, done.stdout.split()))


@pytest.mark.parametrize("format", ["csv", "xlsx", "parquet"])
def test_a_million_rows_take_little_memory(committed_world: World, format: str, record_property: Any) -> None:
    if format == "parquet" and importlib.util.find_spec("pyarrow") is None:
        pytest.skip("pyarrow isn't installed (locks/warehouse.txt)")
    world = committed_world
    with tenant_scope(world.acme.pk):
        line = ChannelAccount.objects.create(kind="webchat", name="Chat")
        write_in(line, "Hello")
        values = {"tenant": world.acme.pk, "line": line.pk, "contact": Contact.objects.get().pk, "rows": ROWS - 1}
        with connection.cursor() as cursor:
            cursor.execute(FILL, values)
        export = ask(world, format)
        before, most, other, seconds = written_apart(world, export)
    took = f"{before} MiB before, {most} MiB at most, {other} MiB in the process that packs"
    words = f"{format}: {export.size / 1e6:.1f} MB in {seconds} s, {took}"
    print(words)  # noqa: T201  (the figures of the evidence)
    record_property("export", words)
    assert (export.state, export.written) == ("done", ROWS)
    assert max(most - before, other - before) < MOST_MIB, words


def test_a_person_with_50_000_messages_takes_little_memory(committed_world: World, record_property: Any) -> None:
    world, text = committed_world, "Where is my parcel? It has been on its way since Monday. " * 10
    with tenant_scope(world.acme.pk):
        line = ChannelAccount.objects.create(kind="webchat", name="Chat")
        write_in(line, "Hello")
        talk = Conversation.objects.get()
        made = {"conversation": talk, "channel_account": line, "direction": "in", "sender_type": "customer"}
        for start in range(0, MESSAGES, 5_000):
            Message.objects.bulk_create(
                Message(**made, seq=1_000 + start + number, body=text, masked_body=text, status="received")
                for number in range(5_000)
            )
        export = export_contact(actor=world.actor("compliance"), contact_id=talk.contact_id, reason="They asked for it")
        jobs.grant_export(actor=world.actor("owner"), list_export_id=export.pk, reason="Checked their letter")
        before, most, _, seconds = written_apart(world, export)
    words = f"{export.size / 1e6:.1f} MB in {seconds} s, {before} MiB before, {most} MiB at most"
    print(words)  # noqa: T201  (the figures of the evidence)
    record_property("export", words)
    assert export.state == "done"
    assert export.written > MESSAGES
    assert most - before < MOST_MIB, words


def test_parquet_has_types_and_no_personal_value(acme: World) -> None:
    if importlib.util.find_spec("pyarrow") is None:
        pytest.skip("pyarrow isn't installed (locks/warehouse.txt)")
    import pyarrow.parquet

    write_in(ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="=1+1"), "Hello")
    export = ask(acme, "parquet")
    work.write_export(export_id=export.pk)
    file = downloads.download_export(actor=acme.actor("admin"), list_export_id=export.pk)
    raw = b"".join(file.parts)
    found = pyarrow.parquet.read_table(BytesIO(raw))
    (row,) = found.to_pylist()
    assert (row["channel_name"], row["resolved"], row["created_at"].utcoffset()) == ("=1+1", None, timedelta(0))
    assert str(found.schema.field("seconds_to_person").type) == "int64"
    assert (file.name.endswith(".parquet"), NAME.encode() in raw) == (True, False)
