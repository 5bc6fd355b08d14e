"""A brief's decision buttons: links made when the mail is sent, for its reader, worth no more than approval mails'."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from analytics import services
from analytics.models import Brief
from core import clock
from core.reliability import circuit_breaker
from hitl.approvals.decide.questions import send_back
from hitl.models import Approval, DecisionToken
from hitl.services import decide, resubmit
from integrations.mail.delivery import deliver_mail
from integrations.models import MailDelivery
from integrations.services import connect_provider
from tests.analytics.conftest import MORNING, Morning, make
from tests.console.scene import ask
from tests.integrations.mail.servers import Answers, api_server
from tests.world import OPERATOR

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
BUTTON = re.compile(r'href="([^"]+)" style="[^"]*">Approve or reject<')


@pytest.fixture
def api(settings: Any, monkeypatch: pytest.MonkeyPatch, morning: Morning) -> Iterator[Answers]:
    """A mail server, with an account of the first tenant there."""
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)
    circuit_breaker._breakers.clear()
    with api_server() as answers:
        settings.SENDGRID_API_BASE = answers.url
        settings.DECISION_LINKS_BELOW = 30  # what else waits this morning is riskier
        kept = {"api_key": "SG.secret", "from_address": "desk@acme.example"}
        connect_provider(actor=OPERATOR, provider="sendgrid", name="Mail", credentials=kept)
        yield answers


@pytest.fixture
def small(morning: Morning, api: Answers) -> Approval:
    """A request of little risk that waits for the approver."""
    return ask(morning.world, params={"campaign": "Small", "budget": "110.00"})


def queue(morning: Morning, role: str = "approver") -> MailDelivery:
    """Return the queued mail of the person's brief of this morning."""
    morning.wants(role)
    ((_, brief_id),) = services.claim_due(now=MORNING)
    make(brief_id, MORNING)
    return MailDelivery.objects.get(ref=brief_id)


def buttons(api: Answers) -> list[str]:
    """Return the paths that the buttons of the mail that left lead to."""
    html = next(part["value"] for part in api.seen[-1]["content"] if part["type"] == "text/html")
    return ["/" + url.split("//", 1)[1].split("/", 1)[1] for url in BUTTON.findall(html)]


def sent_link(morning: Morning, api: Answers) -> str:
    """Send the brief and return the path of its only button."""
    deliver_mail(queue(morning).pk)
    (path,) = buttons(api)
    assert path.startswith("/d/")
    return path


def test_reader_decides_a_low_risk_request_from_the_brief(morning: Morning, small: Approval, api: Answers) -> None:
    path, browser = sent_link(morning, api), Client()
    assert " checked" not in browser.get(path).content.decode()
    assert "for you only and work once" in str(api.seen[-1])
    answer = browser.post(path, {"verdict": "approve", "typed": small.reference})
    assert answer.status_code == 200
    small.refresh_from_db()
    assert (small.state, small.decided_by) == ("approved", morning.world.people["approver"])
    assert Client().get(path).status_code in (409, 410)


def test_buttons_of_risky_requests_lead_to_their_pages(
    morning: Morning, small: Approval, api: Answers, settings: Any
) -> None:
    settings.DECISION_LINKS_BELOW = 1
    deliver_mail(queue(morning).pk)
    assert buttons(api) == []
    assert not DecisionToken.objects.exists()


def test_risk_that_rises_before_the_mail_is_sent_leads_to_the_page(
    morning: Morning, small: Approval, api: Answers, settings: Any
) -> None:
    mail = queue(morning)
    settings.DECISION_LINKS_BELOW = 1
    deliver_mail(mail.pk)
    assert buttons(api) == [f"/admin/hitl/approval/{small.pk}/"]
    assert not DecisionToken.objects.exists()


@pytest.mark.parametrize("method", ["get", "head"])
def test_scanners_that_open_every_link_decide_nothing(
    morning: Morning, small: Approval, api: Answers, method: str
) -> None:
    assert getattr(Client(), method)(sent_link(morning, api)).status_code == 200
    small.refresh_from_db()
    assert (small.state, DecisionToken.objects.get().consumed_at) == ("pending", None)


def test_forwarded_brief_decides_nothing_for_a_colleague(
    morning: Morning, small: Approval, api: Answers, browser: Callable[..., Client]
) -> None:
    path = sent_link(morning, api)
    colleague = browser("admin")
    assert "This link is for someone else" in colleague.get(path).content.decode()
    assert colleague.post(path, {"verdict": "approve", "typed": small.reference}).status_code == 403
    small.refresh_from_db()
    assert small.state == "pending"


def test_link_of_a_changed_decided_or_old_request_says_so(morning: Morning, small: Approval, api: Answers) -> None:
    path = sent_link(morning, api)
    with clock.at(MORNING + timedelta(days=30)):
        assert "expired" in Client().get(path).content.decode()
    send_back(actor=morning.actor("approver"), approval_id=small.pk, reason="Less, please.", digest=small.digest)
    small.refresh_from_db()
    changed = {"campaign": "Small", "budget": "105.00"}
    resubmit(actor=morning.actor("support"), approval_id=small.pk, params=changed, digest=small.digest)
    assert "has changed" in Client().get(path).content.decode()
    small.refresh_from_db()
    decide(actor=morning.actor("approver"), approval_id=small.pk, verdict="reject", digest=small.digest, reason="No.")
    late = Client().post(path, {"verdict": "approve", "typed": small.reference})
    assert late.status_code in (409, 410)
    small.refresh_from_db()
    assert small.state == "rejected"


def test_decided_meanwhile_means_no_link_is_made(morning: Morning, small: Approval, api: Answers) -> None:
    mail = queue(morning)
    decide(actor=morning.actor("approver"), approval_id=small.pk, verdict="reject", digest=small.digest, reason="No.")
    deliver_mail(mail.pk)
    assert "/d/" not in str(api.seen)
    assert not DecisionToken.objects.exists()


def test_neither_stored_mail_nor_preview_holds_a_live_link(
    morning: Morning, small: Approval, api: Answers, browser: Callable[..., Client]
) -> None:
    deliver_mail((mail := queue(morning)).pk)
    secret = buttons(api)[0].split("/")[2]
    mail.refresh_from_db()
    assert secret not in mail.text + mail.html + str(Brief.objects.get(pk=mail.ref).content)
    places = set(re.findall(r"/d/([^/]+)/", mail.text + mail.html))
    assert len(places) == 1
    assert {Client().get(f"/d/{place}/").status_code for place in places} == {404}
    for page in ("preview/", f"{mail.ref}/mail/"):
        shown = browser().get(f"/admin/analytics/brief/{page}").content.decode()
        assert "/d/" not in shown
        assert BUTTON.findall(shown)


def test_clicks_on_links_that_decide_are_not_tracked(morning: Morning, small: Approval, api: Answers) -> None:
    deliver_mail(queue(morning).pk)
    assert not api.seen[-1]["tracking_settings"]["click_tracking"]["enable"]


def test_number_of_buttons_is_bounded(morning: Morning, small: Approval, api: Answers) -> None:
    for number in range(7):
        ask(morning.world, params={"campaign": f"Small {number}", "budget": "110.00"})
    deliver_mail(queue(morning).pk)
    assert 1 < len(buttons(api)) <= 5
