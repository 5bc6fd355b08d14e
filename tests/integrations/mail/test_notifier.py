"""Mail to approvers: once, masked, with a link and no decision; the notification follows the mail."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership
from accounts.services import choose_mail
from core.clock import now
from core.errors import Refused
from core.privacy.encryption import digest_of_secret
from hitl.decision_links.links import decide_by_link
from hitl.decision_links.rules import find_link
from hitl.models import Approval, Assignment, DecisionToken, Notification
from hitl.policy.workflows.workflows import revise_workflow
from hitl.services import cancel, create_workflow
from integrations.mail.delivery import deliver_mail
from integrations.mail.events import list_related_objects
from integrations.mail.notifier import MailNotifier
from integrations.mail.progress import Report
from integrations.mail.services import ProviderEvent, record_report
from integrations.models import MailDelivery
from integrations.services import connect_provider
from tests.console.scene import ask
from tests.integrations.mail.servers import Answers
from tests.world import OPERATOR, World


@pytest.fixture
def asked(desk: World) -> Approval:
    """A request that waits for Acme's approver."""
    levels = [{"name": "Signature", "approvers": [{"type": "role", "value": "approver"}]}]
    create_workflow(actor=desk.actor("owner"), name="All", levels=levels, is_default=True)
    return ask(desk)


def _notification(world: World, approval: Approval, **more: Any) -> Notification:
    facts = {"template": "approval_opened", "recipient": world.people["approver"], "channel": "email"}
    found: Notification = Notification.objects.create(approval=approval, status="sending", **{**facts, **more})
    return found


def _mail(row: Notification) -> MailDelivery:
    MailNotifier().notify(row.pk)
    return MailDelivery.objects.get(ref=row.pk)


def test_approver_gets_one_mail_with_a_link(desk: World, asked: Approval) -> None:
    row = _notification(desk, asked)
    mail = _mail(row)
    again = MailNotifier().notify(row.pk)
    assert (again.sent, again.provider_message_id, MailDelivery.objects.count()) == (True, str(mail.pk), 1)
    link = f"/admin/hitl/approval/{asked.pk}/"
    assert link in mail.text
    assert link in mail.html
    assert asked.reference in mail.subject


def test_mail_shows_what_would_change_and_how_risky_it_is(desk: World, asked: Approval) -> None:
    mail = _mail(_notification(desk, asked))
    row = asked.preview["rows"][0]
    assert row["label"] in mail.text
    assert row["label"] in mail.html
    assert f"{asked.risk_score} of 100" in mail.text


def test_mail_shows_no_personal_data_in_clear(desk: World, asked: Approval) -> None:
    asked.preview["rows"].append({"label": "To", "before": "", "after": "ana.souza@customers.example"})
    asked.preview["headline"] = "Write to +34 600 123 456 <b>now</b>"
    Approval.objects.filter(pk=asked.pk).update(preview=asked.preview)
    mail = _mail(_notification(desk, asked))
    whole = mail.subject + mail.text + mail.html
    assert not [word for word in ("ana.souza", "600 123 456") if word in whole]
    assert "<b>now" not in mail.html


def test_mail_holds_the_beginning_of_a_long_text_and_says_where_the_rest_is(desk: World, asked: Approval) -> None:
    asked.preview["body"] = "word " * 1000 + "END"
    Approval.objects.filter(pk=asked.pk).update(preview=asked.preview)
    text = _mail(_notification(desk, asked)).text
    assert "Open the request to read the full text" in text
    assert "END" not in text


def test_mail_names_nobody_who_was_erased_here(desk: World, asked: Approval) -> None:
    assert asked.requester is not None
    Membership.objects.filter(user=asked.requester_id).update(erased_at=now())
    mail = _mail(_notification(desk, asked))
    assert asked.requester.get_full_name() not in mail.text + mail.html
    assert "Requested by Erased person" in mail.text


@pytest.fixture
def small(desk: World, asked: Approval) -> Approval:
    """A request of so little risk that a link may decide it."""
    return ask(desk, params={"campaign": "Small", "budget": "110.00"})


def _link_in(api: Answers, number: int = -1) -> str:
    """Return the path of the decision link in a mail that left."""
    found = {part["value"] for part in api.seen[number]["content"]}
    links = {match[0] for text in found for match in re.finditer(r"/d/[^/]+/", text)}
    assert len(links) == 1, links
    return links.pop()


@pytest.mark.slow
def test_mail_decides_nothing_by_itself(desk: World, small: Approval, api: Answers) -> None:
    mail = _mail(_notification(desk, small))
    deliver_mail(mail.pk)
    assert "<form" not in mail.html
    assert mail.html.count("<a ") == 3
    Client().get(_link_in(api))
    small.refresh_from_db()
    assert small.state == "pending"


@pytest.mark.slow
def test_stored_mail_holds_no_link_that_decides(desk: World, small: Approval, api: Answers) -> None:
    mail = _mail(_notification(desk, small))
    place = re.findall(r"/d/([^/]+)/", mail.text + mail.html)
    deliver_mail(mail.pk)
    mail.refresh_from_db()
    secret = _link_in(api).split("/")[2]
    assert secret not in mail.text + mail.html
    assert DecisionToken.objects.get().digest == digest_of_secret(secret)
    assert [find_link(each) for each in place] == [None, None]


@pytest.mark.slow
def test_mail_that_is_tried_again_brings_a_link_that_counts(desk: World, small: Approval, api: Answers) -> None:
    api.queue = [(503, {})]
    mail = _mail(_notification(desk, small))
    deliver_mail(mail.pk)
    deliver_mail(mail.pk, now=now() + timedelta(hours=1))
    first, second = (Client().get(_link_in(api, number)) for number in (0, 1))
    assert (first.status_code, second.status_code) == (410, 200)


@pytest.mark.parametrize("change", ["risk", "off"])
def test_mail_about_what_needs_signing_in_leads_there(
    desk: World, small: Approval, api: Answers, settings: Any, change: str
) -> None:
    settings.DECISION_LINKS = change != "off"
    settings.DECISION_LINKS_BELOW = 1 if change == "risk" else 50
    mail = _mail(_notification(desk, small))
    deliver_mail(mail.pk)
    assert "/d/" not in str(api.seen)
    assert "You'll be asked to sign in" in mail.html
    assert not DecisionToken.objects.exists()


def test_mail_queued_before_the_risk_rose_leads_to_the_sign_in(desk: World, small: Approval, api: Answers) -> None:
    mail = _mail(_notification(desk, small))
    Approval.objects.filter(pk=small.pk).update(risk_score=80, risk_level="critical")
    deliver_mail(mail.pk)
    assert "/d/" not in str(api.seen)
    assert str(api.seen).count(f"/admin/hitl/approval/{small.pk}/") == 4


@pytest.mark.slow
def test_who_holds_the_mail_account_gets_no_links_sent_about_his_own(
    desk: World, small: Approval, api: Answers
) -> None:
    _give_mail_account(desk, "admin")
    large = ask(desk, "admin", params={"campaign": "His", "budget": "110.00"})
    for approval in (large, small):
        deliver_mail(_mail(_notification(desk, approval)).pk)
    assert ["/d/" in str(mail) for mail in api.seen] == [False, True]


def _give_mail_account(desk: World, role: str) -> None:
    kept = {"api_key": "SG.mine", "from_address": "desk@acme.example"}
    connect_provider(actor=desk.actor(role), provider="sendgrid", name="Mail", credentials=kept)


@pytest.mark.slow
@pytest.mark.parametrize("roles", [["approver", "admin"], ["approver"], ["approver", "owner"]])
@pytest.mark.parametrize("in_turn", [True, False])
def test_who_holds_the_mail_account_and_signs_gets_no_colleagues_link_sent(
    desk: World, asked: Approval, api: Answers, roles: list[str], in_turn: bool
) -> None:
    asks = [{"type": "role", "value": role} for role in roles]
    levels = [{"approvers": [one], "quorum": 1} for one in asks] if in_turn else [{"approvers": asks, "mode": "all"}]
    revise_workflow(actor=desk.actor("owner"), workflow_id=asked.workflow_id, levels=levels)
    _give_mail_account(desk, "admin")
    small = ask(desk, params={"campaign": "Small", "budget": "110.00"})
    deliver_mail(_mail(_notification(desk, small)).pk)
    assert ("/d/" in str(api.seen)) is ("admin" not in roles)
    assert DecisionToken.objects.exists() is ("admin" not in roles)


@pytest.mark.slow
def test_link_sent_before_a_signer_took_the_mail_account_asks_to_sign_in(
    desk: World, small: Approval, api: Answers
) -> None:
    deliver_mail(_mail(_notification(desk, small)).pk)
    path = _link_in(api)
    assert Client().get(path).status_code == 200
    Assignment.objects.create(approval=small, person=desk.people["admin"], revision=1, level=1)
    _give_mail_account(desk, "admin")
    assert "An approver of this request can read outgoing mail" in Client().get(path).content.decode()
    with pytest.raises(Refused) as caught:
        decide_by_link(token_id=DecisionToken.objects.get().pk, verdict="approve", typed=small.reference)
    assert (caught.value.code, caught.value.facts["why"]) == ("sign_in", "mail")


def test_text_of_a_request_cannot_ask_for_the_link(desk: World, small: Approval, api: Answers) -> None:
    small.preview["body"] = "See https://evil.example/?x=" + " ".join(("/d/of-/", "{{ decision_link }}", "{}"))
    Approval.objects.filter(pk=small.pk).update(preview=small.preview)
    deliver_mail(_mail(_notification(desk, small)).pk)
    told = " ".join(part["value"] for part in api.seen[0]["content"])
    assert not re.search(r"evil\.example\S*[\w-]{43}", told)


def test_person_who_wants_no_mail_gets_none(desk: World, asked: Approval) -> None:
    choose_mail(actor=desk.actor("approver"), is_on=False)
    row = _notification(desk, asked)
    assert not MailNotifier().notify(row.pk).sent
    row.refresh_from_db()
    assert (row.status, MailDelivery.objects.count()) == ("skipped", 0)


def test_person_chooses_for_himself_only(acme: World) -> None:
    with pytest.raises(Refused):
        choose_mail(actor=OPERATOR, is_on=False)
    choose_mail(actor=acme.actor("approver"), is_on=False)
    assert Membership.objects.filter(mail_on=False).get().user_id == acme.people["approver"].pk


def test_decided_request_is_not_mailed_any_more(desk: World, asked: Approval) -> None:
    row = _notification(desk, asked)
    cancel(actor=desk.actor("owner"), approval_id=asked.pk, reason="no")
    assert not MailNotifier().notify(row.pk).sent
    assert not MailDelivery.objects.exists()


def test_tenant_without_mail_is_told_so_on_the_row(acme: World) -> None:
    row = _notification(acme, ask(acme))
    MailNotifier().notify(row.pk)
    row.refresh_from_db()
    assert (row.status, row.failure_reason) == ("skipped", "No mail account is connected.")


@pytest.mark.parametrize(
    ("reports", "status"),
    [
        (["delivered"], "delivered"),
        (["opened", "delivered"], "read"),
        (["bounced"], "failed"),
        (["delivered", "bounced"], "failed"),
    ],
)
def test_notification_follows_its_mail(desk: World, asked: Approval, reports: list[Any], status: str) -> None:
    row = _notification(desk, asked)
    mail = _mail(row)
    for what in reports:
        record_report(event=ProviderEvent(Report(what, now(), "bounce" if what == "bounced" else ""), now(), mail.pk))
    row.refresh_from_db()
    assert row.status == status


def test_notification_of_a_refused_mail_says_why(desk: World, asked: Approval, api: Answers) -> None:
    api.queue = [(403, {})]
    row = _notification(desk, asked)
    deliver_mail(_mail(row).pk)
    row.refresh_from_db()
    assert row.status == "failed"
    assert "sender address" in row.failure_reason


def test_openings_are_tracked_and_links_are_left_alone(desk: World, asked: Approval, api: Answers) -> None:
    deliver_mail(_mail(_notification(desk, asked)).pk)
    tracking = api.seen[0]["tracking_settings"]
    assert (tracking["open_tracking"]["enable"], tracking["click_tracking"]["enable"]) == (True, False)


def test_list_of_mails_says_which_request_a_mail_belongs_to(desk: World, asked: Approval) -> None:
    row = _notification(desk, asked)
    _mail(row)
    found = list_related_objects([("approval", row.pk), ("test", row.pk)])
    assert found[row.pk].words.startswith(asked.reference)
    assert str(asked.pk) in found[row.pk].url
