"""SMTP: what the mail looks like on the wire, and what each failure proves."""

import email
from dataclasses import replace
from email.policy import default
from typing import Any

import pytest

from core.ids import uuid7
from integrations.mail.providers.routes import find_route, smtp_server
from integrations.mail.providers.smtp import SmtpSender, SmtpServer
from integrations.mail.types import Accepted, Mail, Mailbox, MailFile, Rejected, Unknown
from tests.integrations.mail.servers import Smtp
from tests.world import World


def _mail() -> Mail:
    mailbox = Mailbox("desk@acme.example", "Acme Schühe")
    return Mail(uuid7(), "test", mailbox, "ana@customers.example", "Grüße", "Plain", "<p>Rich</p>", "r@acme.example")


def _send(smtp: Smtp, **replies: str) -> Any:
    smtp.replies = replies
    return SmtpSender(SmtpServer("127.0.0.1", smtp.port)).send(_mail())


def test_mail_arrives_with_both_texts_and_a_fixed_id(smtp: Smtp) -> None:
    outcome = _send(smtp)
    found = email.message_from_string(smtp.mails[0], policy=default)
    assert outcome == Accepted(found["Message-ID"])
    assert (found["Subject"], found["From"], found["Reply-To"]) == (
        "Grüße",
        "Acme Schühe <desk@acme.example>",
        "r@acme.example",
    )
    assert [part.get_content_type() for part in found.iter_parts()] == ["text/plain", "text/html"]


def test_mail_with_files_arrives_whole_or_is_refused_before_it_is_sent(smtp: Smtp) -> None:
    offer = MailFile("Ünser offer.pdf", "application/pdf", bytes(range(256)) * 40)
    sender = SmtpSender(SmtpServer("127.0.0.1", smtp.port))
    smtp.size = 1_000_000
    assert isinstance(sender.send(replace(_mail(), files=(offer,))), Accepted)
    found = email.message_from_string(smtp.mails[0], policy=default)
    [file] = found.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == (offer.name, offer.content_type)
    assert file.get_content() == offer.content
    smtp.size = 10_000
    assert sender.send(replace(_mail(), files=(offer,))) == Rejected("too_large", permanent=True)
    assert len(smtp.mails) == 1


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize(("reply", "permanent"), [("451 later", False), ("550 no", True)])
def test_refusal_says_whether_a_repeat_can_help(smtp: Smtp, step: str, reply: str, permanent: bool) -> None:
    assert _send(smtp, **{step: reply}) == Rejected(f"smtp_{reply[:3]}", permanent)


@pytest.mark.parametrize(
    ("reply", "lost"),
    [
        ("550 no such user", True),
        ("550 5.1.1 no such user", True),
        ("553 5.1.3 bad address", True),
        ("550 5.7.1 relaying denied", False),
        ("552 5.2.2 mailbox full", False),
        ("554 5.7.1 blocked", False),
        ("450 4.1.1 later", False),
    ],
)
def test_refused_recipient_says_whether_the_address_is_one(smtp: Smtp, reply: str, lost: bool) -> None:
    outcome = _send(smtp, RCPT=reply)
    assert isinstance(outcome, Rejected)
    assert outcome.is_unreachable is lost


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT"])
def test_line_lost_before_the_data_proves_that_nothing_left(smtp: Smtp, step: str) -> None:
    assert _send(smtp, **{step: ""}) == Rejected("not_reachable", permanent=False)


def test_line_lost_after_the_last_dot_leaves_it_open(smtp: Smtp) -> None:
    assert _send(smtp, END="") == Unknown("connection_lost")


def test_server_that_is_not_there_is_tried_again() -> None:
    assert SmtpSender(SmtpServer("127.0.0.1", 1)).send(_mail()) == Rejected("not_reachable", permanent=False)


def test_starttls_is_asked_for_and_never_skipped(smtp: Smtp) -> None:
    smtp.replies = {"STAR": "502 not here"}
    outcome = SmtpSender(SmtpServer("127.0.0.1", smtp.port, tls=True)).send(_mail())
    assert (outcome, smtp.mails) == (Rejected("not_reachable", permanent=False), [])


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 25)),
        ("smtp+tls://a%40b:p%2Fw@mail.example", SmtpServer("mail.example", 587, "a@b", "p/w", tls=True)),
        ("smtp+ssl://mail.example:4650", SmtpServer("mail.example", 4650, ssl=True)),
    ],
)
def test_address_of_the_server_is_read(url: str, server: SmtpServer) -> None:
    assert smtp_server(url) == server


def test_installation_s_server_carries_mail_of_tenants_without_an_account(acme: World, settings: Any) -> None:
    settings.EMAIL_URL, settings.MAIL_FROM = "smtp://mail.example", "Walker <walker@acme.example>"
    route = find_route()
    assert (route.sender.provider, route.mailbox) == ("smtp", Mailbox("walker@acme.example", "Walker"))


def test_console_writes_the_mail_to_the_terminal(acme: World, settings: Any, capsys: Any) -> None:
    settings.EMAIL_URL, settings.MAIL_FROM = "console://", "walker@acme.example"
    assert isinstance(find_route().sender.send(_mail()), Accepted)
    assert "Message-ID" in capsys.readouterr().out
