"""Real workers, started as the launcher does, while every model hangs: timers, mail and intake go on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection
from kombu import Connection  # type: ignore[attr-defined]
from redis import Redis

from agents import services, tasks
from agents.models import AgentRun, AgentVersion
from config.launcher import parts
from conversations.models import ChannelAccount, Message
from conversations.services import receive
from conversations.types import InboundMessage, SenderIdentity
from core.clock import now
from core.tenancy.models import current_tenant_id, tenant_scope
from demo.agents import ensure_default_agents
from hitl.models import Timer
from hitl.tasks import sweep_timers
from integrations.mail.services import queue_mail
from integrations.mail.types import NewMail
from integrations.models import MailDelivery
from integrations.tasks import send_mail
from tests.agents.conftest import DOOR, Desk
from tests.agents.hostile.hostile_model import BEGIN, WIRES, serve

OPENAI = WIRES[0]
CUSTOMERS = 8
PREFIX = "workers"


@contextmanager
def workers(url: str) -> Iterator[Connection]:
    """Run the installation's workers, whose models are at an address; gives the way to their queues."""
    prefix = f"{settings.CACHES['default']['KEY_PREFIX']}:{PREFIX}"
    environment = {
        **os.environ,
        "DATABASE_URL": f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}",
        "WALKER_REDIS_PREFIX": prefix,
        "OPENAI_API_KEY": "test-key",
        "OPENAI_BASE_URL": f"{url}/v1",
        "EMAIL_URL": "console://",
        "MAIL_FROM": "Desk <desk@walker.example>",
    }
    running = [
        subprocess.Popen(
            [sys.executable, *part.arguments],
            env={**environment, **part.settings},
            cwd=settings.BASE_DIR,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for part in map(parts.worker, ("worker", "models"))
    ]
    options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, "global_keyprefix": f"{prefix}:broker:"}
    try:
        with Connection(settings.REDIS_URL, transport_options=options) as way:
            yield way
    finally:
        for process in running:
            os.killpg(process.pid, 9)
            process.wait()


def wait_for(what: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.1)
    return what()


def write(account: ChannelAccount, name: str, text: str = "hello") -> Message:
    sender = SenderIdentity(kind="webchat", value=name, verified=False)
    return receive(
        actor=DOOR,
        inbound=InboundMessage(channel_account_id=account.pk, sender=sender, text=text, client_id=uuid4()),
    )


def take(way: Connection, message_id: UUID) -> None:
    tasks.take_message.apply_async((str(current_tenant_id()), str(message_id)), connection=way)


@pytest.mark.long
def test_timers_mail_and_intake_go_on_while_all_models_hang(live_desk: Desk, redis_client: Redis) -> None:
    desk = live_desk
    desk.say("Raise the daily budget of Summer Sale to 900")
    AgentVersion.objects.update(model="openai", model_name="m")
    with tenant_scope(desk.world.globex.pk):
        ensure_default_agents()
        other = ChannelAccount.objects.create(kind="webchat", name="Chat", public_key=uuid4().hex)
    with serve() as model, workers(model.url) as way:
        model.say(BEGIN + OPENAI.start(), *[b": still here\n\n", 0.2] * 200)
        stuck = services.take_message(message_id=write(desk.account, "stuck").pk)
        assert stuck is not None
        tasks.ask_model.apply_async(
            (str(stuck.tenant_id), str(stuck.pk)), connection=way, soft_time_limit=5, time_limit=30
        )
        # Before the others: on a full machine one of them took the worker, and the limit began later.
        assert wait_for(lambda: len(model.requests) >= 1, 120), "the first customer's model"
        for number in range(CUSTOMERS):
            take(way, write(desk.account, f"visitor-{number}").pk)
        assert wait_for(lambda: len(model.requests) >= 2, 120)
        time.sleep(1)
        Timer.objects.update(due_at=now() - timedelta(seconds=1))
        queue_mail(NewMail(type="note", recipient="a@walker.example", subject="Hi", text="Hi", key="k"))
        for task in (sweep_timers, send_mail):
            task.apply_async(connection=way)
        late = write(desk.account, "late").pk
        take(way, late)
        with tenant_scope(desk.world.globex.pk):
            local = write(other, "visitor")
            take(way, local.pk)
            assert wait_for(lambda: Message.objects.filter(direction="out").exists(), 10), "an answer without a model"
        assert wait_for(lambda: Timer.objects.exclude(done_at=None).exists(), 10), "timers"
        assert wait_for(lambda: not MailDelivery.objects.filter(status="queued").exists(), 10), "mail"
        assert wait_for(lambda: AgentRun.objects.filter(inputs__message=late).exists(), 10), "intake"
        assert AgentRun.objects.filter(state="running").count() <= 4
        assert wait_for(lambda: AgentRun.objects.get(pk=stuck.pk).state == "failed", 20), "the soft limit"
        assert redis_client.keys(f"*:{PREFIX}:*:health:beat:*:models"), "heartbeats of the model workers"
    stuck.refresh_from_db()
    assert (stuck.error_code, stuck.lease_until, stuck.conversation.state) == ("too_slow", None, "person")
    assert desk.answers(stuck.conversation_id)[-1].startswith("Sorry")


@pytest.mark.long
def test_endless_streams_of_one_organisation_keep_nobody_else_waiting(live_desk: Desk) -> None:
    AgentVersion.objects.update(model="openai", model_name="m")
    with tenant_scope(live_desk.world.globex.pk):
        ensure_default_agents()
        AgentVersion.objects.update(model="openai", model_name="m")
        other = ChannelAccount.objects.create(kind="webchat", name="Chat", public_key=uuid4().hex)
    with serve() as model, workers(model.url) as way:
        model.say(BEGIN + OPENAI.start(), *[b": still here\n\n", 0.2] * 2000)
        for number in range(CUSTOMERS):
            take(way, write(live_desk.account, f"visitor-{number}").pk)
        assert wait_for(lambda: len(model.requests) >= 2, 120)
        time.sleep(3)
        running = AgentRun.objects.filter(state="running").count()
        began = time.monotonic()
        with tenant_scope(live_desk.world.globex.pk):
            take(way, write(other, "the other customer", "Hello from the other one").pk)
        asked = wait_for(lambda: any("from the other one" in str(request) for request in model.requests), 150)
        waited = time.monotonic() - began
        assert (asked, waited < 12, running) == (True, True, 2)  # half of the workers
        # The rest of the first one's customers are answered in turn: nothing of theirs is lost.
        assert wait_for(lambda: len(model.requests) >= 4, 60)
