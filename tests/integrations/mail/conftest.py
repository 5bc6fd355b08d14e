"""A tenant with a mail account at a local server."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.reliability import circuit_breaker
from core.tenancy.scope import tenant_scope
from integrations.mail.services import queue_mail
from integrations.mail.types import NewMail
from integrations.models import MailDelivery
from integrations.services import connect_provider
from tests.integrations.mail.servers import Answers, Smtp, api_server, smtp_server
from tests.world import OPERATOR, World

ADDRESS = "ana.souza@customers.example"


def queue(key: str = "k-1", **more: Any) -> MailDelivery:
    """Queue a mail as a caller does."""
    facts = {"type": "test", "recipient": ADDRESS, "subject": "Hello", "text": "Good morning", "html": "<p>Hi</p>"}
    return queue_mail(NewMail(key=key, **{**facts, **more}))


def connect(world: World) -> None:
    """Give Acme a SendGrid account."""
    kept = {"api_key": "SG.secret", "from_address": "desk@acme.example", "from_name": "Acme Desk"}
    with tenant_scope(world.acme.pk):
        connect_provider(actor=OPERATOR, provider="sendgrid", name="Mail", credentials=kept)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish nothing to a broker; know no breaker from the test before."""
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)
    circuit_breaker._breakers.clear()


@pytest.fixture
def api(settings: Any) -> Iterator[Answers]:
    """Return a server that answers as SendGrid does."""
    with api_server() as answers:
        settings.SENDGRID_API_BASE = answers.url
        yield answers


@pytest.fixture
def smtp() -> Iterator[Smtp]:
    """Return an SMTP server."""
    with smtp_server() as server:
        yield server


@pytest.fixture
def desk(acme: World, api: Answers) -> World:
    """Acme with a mail account, in Acme's scope."""
    connect(acme)
    return acme
