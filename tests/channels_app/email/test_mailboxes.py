"""A mailbox is read by IMAP over TLS, from a server that nobody here wrote, and each email becomes one message."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from channels_app.email.imap import reads
from channels_app.email.imap.connect import connect_mailbox
from channels_app.email.mailboxes import find_inbox
from channels_app.email.sendgrid.connect import open_inbound
from channels_app.models import InboundDelivery, MailboxProgress
from channels_app.webhooks import deliveries
from conversations import services
from conversations.channel_accounts import accounts
from conversations.models import ChannelAccount, Message
from conversations.services import Draft, Sender
from core.clock import now
from core.errors import Invalid, Refused
from core.tenancy.scope import tenant_scope
from integrations import imap as imap_client
from tests.channels_app.email.conftest import open_door
from tests.channels_app.email.test_mail_in import mail
from tests.channels_app.twilio.test_channel_page import console
from tests.edge import imap_server
from tests.edge.certificates import make_certificate
from tests.edge.imap_server import PASSWORD, USER
from tests.world import OPERATOR, World

LIST = "/admin/conversations/channelaccount/"
CHECKED = b"Authentication-Results: mx.acme.example; dkim=pass header.d=customers.example\r\n"


@dataclass
class Server:
    """Twisted's server with a folder of emails."""

    place: Path
    tls: int
    plain: int

    def put(self, uid: int, raw: bytes, *, age: int = 0) -> None:
        """Have an email in the mailbox."""
        path = self.place / f"{uid}.eml"
        path.write_bytes(raw)
        then = now().timestamp() - age + 1
        os.utime(path, (then, then))

    def form(self, **more: Any) -> dict[str, Any]:
        """Return the settings of the mailbox."""
        facts = {"name": "Help", "address": "help@acme.example", "host": "localhost", "port": self.tls}
        return {**facts, "security": "tls", "user": USER, "password": PASSWORD, "checked_by": "mx.acme.example", **more}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """Twisted's server as a process of its own."""
    place = tmp_path_factory.mktemp("imap")
    certificate, key = make_certificate(place)
    command = [sys.executable, imap_server.__file__, str(certificate), str(key), str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        tls, plain = process.stdout.readline().split()
        yield Server(place, int(tls), int(plain)), certificate
        process.kill()


@pytest.fixture
def server(running: tuple[Server, Path], settings: Any, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, trusted and empty."""
    found, certificate = running
    for path in (*found.place.glob("*.eml"), *found.place.glob("*.date")):
        path.unlink()
    (found.place / "validity").write_text("1")
    settings.IMAP_PRIVATE_HOSTS = frozenset({"localhost"})
    context = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr("integrations.imap._certificates", lambda: context)
    return found


def _connect(server: Server, **more: Any) -> ChannelAccount:
    return connect_mailbox(actor=OPERATOR, **server.form(**more))


def _read(account: ChannelAccount) -> int:
    MailboxProgress.objects.update(due_at=now())
    found = reads.read_mailbox(account.pk)
    deliveries.dispatch_due_deliveries()
    return found


@pytest.fixture
def acme(world: World) -> Iterator[World]:
    """Acme's scope."""
    with tenant_scope(world.acme.pk):
        yield world


@pytest.mark.slow
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_new_emails_become_messages_once_and_the_mailbox_stays_as_it_is(
    acme: World, server: Server, security: str
) -> None:
    server.put(3, mail(Message_ID="<old@customers.example>"), age=3 * 86_400)
    account = _connect(server, security=security, port=server.tls if security == "tls" else server.plain)
    server.put(7, CHECKED + mail())
    server.put(9, mail(Message_ID="<two@customers.example>", In_Reply_To="<one@customers.example>"))
    assert [_read(account), _read(account)] == [2, 0]
    first, second = Message.objects.order_by("id")
    assert (first.sender_verified, second.sender_verified) == (True, False)
    assert first.conversation_id == second.conversation_id
    progress = MailboxProgress.objects.get()
    assert (progress.uid_validity, progress.last_uid, progress.failures) == (1, 9, 0)


@pytest.mark.slow
def test_large_mailbox_is_listed_in_parts_and_what_was_there_before_never(
    acme: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = [3 * number for number in range(1, 41)]
    for uid in old:
        server.put(uid, b"From: old@customers.example\r\n\r\nOld", age=86_400)
    account = _connect(server)
    assert MailboxProgress.objects.get().last_uid == old[-1]
    with reads.open_mailbox(reads.server_of(account.credentials)) as mailbox:  # type: ignore[arg-type]
        for after in (0, 1, 3, 59, 61, 105, 110, 117):
            expected = [uid for uid in old if uid > after][:7]
            assert [one.uid for one in mailbox.list_after(after, most=7)] == expected, after
        assert mailbox.list_after(120, most=7) == []
    monkeypatch.setattr(reads, "LISTED", 7)
    (server.place / "validity").write_text("2")
    server.put(130, mail())
    assert (_read(account), MailboxProgress.objects.get().last_uid) == (1, 130)


@pytest.mark.slow
def test_emails_with_odd_times_of_arrival_are_read_with_the_others(acme: World, server: Server) -> None:
    account = _connect(server)
    dates = ("07-Xyz-2026 10:00:00 +0000", "99-Nov-2026 10:00:00 +0000", "soon", "", " 7-Nov-2099 10:00:00 +0000")
    for uid, date in enumerate((*dates, "01-Jan-0001 00:00:00 +2359"), start=5):
        server.put(uid, mail(Message_ID=f"<{uid}@customers.example>"))
        (server.place / f"{uid}.date").write_text(date)
    assert (_read(account), MailboxProgress.objects.get().last_uid) == (len(dates) + 1, 10)


@pytest.mark.slow
def test_renumbered_mailbox_brings_back_nothing_not_even_what_was_erased(acme: World, server: Server) -> None:
    account = _connect(server)
    server.put(7, mail())
    _read(account)
    InboundDelivery.objects.update(body=None, queue_key="erased")
    Message.objects.update(channel_message_id="")
    server.put(1, mail())
    server.put(2, mail(Message_ID="<new@customers.example>"))
    (server.place / "validity").write_text("2")
    assert _read(account) == 1
    assert MailboxProgress.objects.get().uid_validity == 2


@pytest.mark.slow
def test_worker_that_died_after_storing_reads_the_same_email_once(acme: World, server: Server) -> None:
    account = _connect(server)
    server.put(7, mail())
    _read(account)
    MailboxProgress.objects.update(last_uid=0)
    assert (_read(account), Message.objects.count()) == (0, 1)


@pytest.mark.slow
def test_mailbox_that_is_being_read_is_left_alone(acme: World, server: Server) -> None:
    account = _connect(server)
    server.put(7, mail())
    assert [one for _, one in reads.list_due()] == [account.pk]
    MailboxProgress.objects.update(due_at=now() + reads.LEASE)
    assert (reads.list_due(), reads.read_mailbox(account.pk)) == ([], 0)


def test_email_beyond_the_limit_is_shown_by_its_headers(acme: World, server: Server, settings: Any) -> None:
    account = _connect(server)
    server.put(7, mail("x" * 40_000))
    settings.MAIL_BYTES = 20_000
    _read(account)
    assert Message.objects.get().body.startswith("My order\n\n[This email of 1 MB is too large")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"password": "wrong"}, "rejected the user name or password"),
        ({"folder": "Nowhere"}, "doesn't have this folder"),
        ({"port": 1}, "can't be reached"),
        ({"host": "127.0.0.1"}, "private address"),
        ({"host": "a b"}, "with these settings"),
        ({"address": "nobody"}, "with these settings"),
    ],
)
def test_mailbox_that_cannot_be_read_is_not_connected_and_says_why(
    acme: World, server: Server, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        _connect(server, **more)
    assert not ChannelAccount.objects.filter(kind="email").exists()


def test_certificate_of_another_is_refused(acme: World, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.imap._certificates", ssl.create_default_context)
    for security, port in (("tls", server.tls), ("starttls", server.plain)):
        with pytest.raises(Invalid, match="certificate"):
            _connect(server, security=security, port=port)


def test_server_without_tls_is_not_spoken_to(acme: World, server: Server) -> None:
    with pytest.raises(Invalid):
        _connect(server, port=server.plain)


@pytest.mark.slow
def test_trouble_is_shown_and_tried_again_later(acme: World, server: Server) -> None:
    account = _connect(server)
    ChannelAccount.objects.filter(pk=account.pk).update(credentials=account.credentials | {"imap_password": "changed"})
    assert _read(account) == 0
    account.refresh_from_db()
    assert (account.last_error, MailboxProgress.objects.get().failures) == ("imap_login", 1)
    assert "rejected the user name or password" in console(acme).get(f"{LIST}{account.pk}/").content.decode()
    assert reads.list_due() == []
    connect_mailbox(actor=OPERATOR, account_id=account.pk, **server.form())
    assert (_read(account), reads.list_due()) == (0, [])
    account.refresh_from_db()
    assert account.last_error == ""
    # Trouble with what is sent: mail that arrives shows nothing about it.
    accounts.note_trouble(account_id=account.pk, code="401")
    MailboxProgress.objects.update(due_at=now())
    _read(account)
    account.refresh_from_db()
    assert account.last_error == "401"


def test_account_that_sends_may_read_the_mailbox_of_the_same_address(acme: World, server: Server) -> None:
    door = open_door(acme)
    account = connect_mailbox(actor=OPERATOR, account_id=door.account.pk, **server.form(plus_addresses=True))
    server.put(7, mail())
    _read(account)
    message = Message.objects.get()
    services.reply(
        actor=acme.actor("support"),
        conversation_id=message.conversation_id,
        draft=Draft(text="Soon.", sender=Sender(type="person")),
    )
    assert (account.pk, account.provider, account.address) == (door.account.pk, "sendgrid", "desk@acme.example")


def test_secret_that_is_made_while_a_mailbox_is_tried_is_kept(
    acme: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, context = open_door(acme).account, imap_client._certificates()
    made: list[str] = []

    def meanwhile() -> ssl.SSLContext:
        made.append(open_inbound(actor=OPERATOR, account_id=account.pk, reply_domain="in.acme.example"))
        return context

    monkeypatch.setattr(imap_client, "_certificates", meanwhile)
    connect_mailbox(actor=OPERATOR, account_id=account.pk, **server.form())
    found, _ = find_inbox(made[0].rstrip("/").split("/")[-2])
    assert found is not None
    assert found.account_id == account.pk


@pytest.mark.slow
def test_console_connects_a_mailbox_and_opens_an_inbound_address_once(acme: World, server: Server) -> None:
    client = console(acme)
    answer: Any = client.post(f"{LIST}connect-mailbox/", server.form(folder="INBOX"))
    assert answer.status_code == 302
    page = client.get(answer.url).content.decode()
    assert "Read from localhost every minute" in page
    assert PASSWORD not in page
    wrong = client.post(f"{answer.url}read-mailbox/", server.form(folder="INBOX", password="wrong"))
    assert (wrong.status_code, "rejected the user name" in wrong.content.decode()) == (400, True)
    door = open_door(acme)
    path = f"{LIST}{door.account.pk}/"
    made = client.post(f"{path}inbound-address/", {"reply_domain": "in.acme.example"})
    assert f"/channels/email/{door.account.public_key}." in made.content.decode()
    page = client.get(path).content.decode()
    assert "SendGrid posts emails to in.acme.example" in page
    assert f"{door.account.public_key}." not in page
    assert client.post(f"{path}inbound-address/", {"reply_domain": "no domain"}).status_code == 400
    assert client.post(f"{path}stop-inbound/").status_code == 302
    with pytest.raises(Refused):
        connect_mailbox(actor=acme.actor("viewer"), **server.form())
