"""SIGKILL while a mail is handed over, at a provider of its own process: never twice, never lost, honestly told."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings as django_settings

from channels_app.email.connect import connect_mail
from channels_app.webhooks import deliveries
from conversations.models import ChannelAccount
from core.clock import now
from core.jobs import dead_letters
from core.models import DeadLetter
from core.tenancy.scope import tenant_scope
from integrations.mail.delivery import LEASE, SETTLED, deliver_due, sweep
from integrations.models import MailDelivery
from standins.mailbox import seed
from tests.edge.mailbox_fixture import API_KEY, VERIFICATION_KEY, Mailbox
from tests.edge.phone_fixture import eventually
from tests.edge.standin_process import ROOT
from tests.integrations.mail.conftest import ADDRESS, queue
from tests.world import OPERATOR, World

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
STALL = 4.0
# Where the worker dies, and how the provider stalls meanwhile.
TAKEN = [("in the call", "stall_after"), ("before the note", "")]


@pytest.fixture
def row(committed_world: World, mailbox: Mailbox) -> Any:
    """A queued mail of Acme, whose account is at the mailbox."""
    with tenant_scope(committed_world.acme.pk):
        account = connect_mail(
            actor=OPERATOR, name="Mail", from_address=seed.CAST["acme"][1], api_key=API_KEY,
            event_public_key=VERIFICATION_KEY,
        )  # fmt: skip
        ChannelAccount.objects.filter(pk=account.pk).update(public_key=seed.door_key("acme"))
        yield queue()


def kill_a_worker(place: str, mailbox: Mailbox, is_there: Callable[[], Any] = lambda: True) -> None:
    """Let a worker process come to the place, and kill it there."""
    url = urlsplit(os.environ["DATABASE_URL"])
    here = urlunsplit(url._replace(path=f"/{django_settings.DATABASES['default']['NAME']}"))
    environment = {**os.environ, "DATABASE_URL": here, "SENDGRID_API_BASE": mailbox.url}
    command = [sys.executable, "-m", "tests.integrations.mail.worker_process", place]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "reached\n"
            eventually(is_there, 20)
        finally:
            process.send_signal(signal.SIGKILL)


def arrived(mailbox: Mailbox) -> int:
    """Return how many mails the person has."""
    return sum(mail["recipient"] == ADDRESS for mail in mailbox.mails())


def after_the_lease(row: MailDelivery) -> tuple[str, str]:
    """Let the sweep find what the dead worker held, and the next worker look for mail; the row's state then."""
    moment = now() + LEASE + timedelta(seconds=1)
    sweep(now=moment)
    deliver_due(now=moment)
    row.refresh_from_db()
    return row.status, row.error


def events_settle(row: MailDelivery) -> str:
    """Work what the provider reported, until the row is delivered."""

    def look() -> bool:
        deliveries.dispatch_due_deliveries()
        row.refresh_from_db()
        return bool(row.delivered_at)

    eventually(look, 20)
    return str(row.status)


def test_worker_killed_before_the_call_costs_nothing(row: MailDelivery, mailbox: Mailbox) -> None:
    kill_a_worker("before the call", mailbox)
    assert (deliver_due(), arrived(mailbox)) == (0, 0)
    assert after_the_lease(row) == ("sent", "")
    assert (events_settle(row), arrived(mailbox)) == ("delivered", 1)


@pytest.mark.parametrize(("place", "stall"), TAKEN)
def test_mail_that_the_provider_took_is_sent_no_second_time(
    row: MailDelivery, mailbox: Mailbox, place: str, stall: str
) -> None:
    mailbox.behave(silent=True)
    if stall:
        mailbox.script("POST /v3", stall, seconds=STALL)
    kill_a_worker(place, mailbox, lambda: arrived(mailbox))
    assert after_the_lease(row) == ("unknown", "cut_off")
    assert after_the_lease(row) == ("unknown", "cut_off")
    assert arrived(mailbox) == 1


@pytest.mark.parametrize(("place", "stall"), TAKEN)
def test_report_of_the_provider_settles_what_the_killed_worker_left(
    row: MailDelivery, mailbox: Mailbox, place: str, stall: str
) -> None:
    if stall:
        mailbox.script("POST /v3", stall, seconds=STALL)
    kill_a_worker(place, mailbox, lambda: arrived(mailbox))
    assert (events_settle(row), after_the_lease(row)[0], arrived(mailbox)) == ("delivered", "delivered", 1)


def test_mail_that_nobody_heard_of_waits_for_a_person_who_sends_it_once_more(
    row: MailDelivery, mailbox: Mailbox
) -> None:
    mailbox.behave(silent=True)
    kill_a_worker("before the note", mailbox, lambda: arrived(mailbox))
    after_the_lease(row)
    sweep(now=now() + LEASE + SETTLED + timedelta(minutes=1))
    letter = DeadLetter.objects.get()
    assert (letter.ref, letter.error) == (row.pk, "unknown")
    dead_letters.replay(actor=OPERATOR, dead_letter_id=letter.pk)
    deliver_due()
    row.refresh_from_db()
    assert (row.status, arrived(mailbox), deliver_due()) == ("sent", 2, 0)


def test_call_that_was_still_under_way_when_its_worker_died_is_made_once(row: MailDelivery, mailbox: Mailbox) -> None:
    mailbox.script("POST /v3", "stall", seconds=STALL)
    kill_a_worker("in the call", mailbox, lambda: mailbox.call("GET", "/__script").json()["rules"] == [])
    assert after_the_lease(row) == ("unknown", "cut_off")
    assert (events_settle(row), arrived(mailbox)) == ("delivered", 1)
