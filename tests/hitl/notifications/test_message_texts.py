"""An organisation's own texts of notifications: checked, previewed, versioned, and never a reason to lose a mail."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from core.errors import Conflict, Invalid, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.domain.message_texts import fill_in, languages_to_try, problems_of
from hitl.models import Approval, Notification, NotificationTemplate
from hitl.notifications.preferences import Wanted, set_notification_preference
from hitl.notifications.texts import newest_version, own_text, reset_notification_template, set_notification_template
from hitl.services import create_workflow
from integrations.mail.notifier import MailNotifier
from integrations.models import MailDelivery
from tests.console.scene import ask
from tests.integrations.mail.conftest import connect
from tests.world import World

pytestmark = pytest.mark.django_db
PAGE = "/admin/hitl/notificationtemplate/"
TEXT: dict[str, str] = {
    "template": "approval_opened",
    "subject": "{reference}: please look",
    "body": "{headline}, {risk}",
}


@pytest.fixture
def asked(acme: World, monkeypatch: pytest.MonkeyPatch) -> Approval:
    """A request that waits for the approver, in the first tenant's scope, with a mail account."""
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)
    connect(acme)
    levels = [{"name": "Approval", "approvers": [{"type": "role", "value": "approver"}]}]
    create_workflow(actor=acme.actor("owner"), name="All", levels=levels, is_default=True)
    return ask(acme)


def write(world: World, role: str = "admin", **more: Any) -> NotificationTemplate:
    return set_notification_template(actor=world.actor(role), **{**TEXT, "seen_version": newest_version(), **more})


def mail_of(world: World, approval: Approval) -> MailDelivery:
    """Return the mail of a new notification of the approver."""
    facts = {"template": "approval_opened", "recipient": world.people["approver"], "channel": "email"}
    row = Notification.objects.create(approval=approval, status="sending", **facts)
    MailNotifier().notify(row.pk)
    return MailDelivery.objects.get(ref=row.pk)


def client_of(world: World, role: str) -> Client:
    client = Client()
    client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
    return client


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{refrence}", "no variable {refrence}"),
        ("{reference", "isn't closed"),
        ("reference}", "isn't closed"),
        ("{reference.__class__}", "no variable {reference.__class__}"),
        ("{reference!r}", "no variable {reference!r}"),
        ("{reference:>99}", "no variable {reference:>99}"),
        ("{}", "no variable {}"),
        ("{0}", "no variable {0}"),
    ],
)
def test_text_with_an_unknown_variable_or_an_open_brace_says_which(text: str, says: str) -> None:
    (problem,) = problems_of(text, "approval_opened")
    assert says in problem


def test_template_code_is_plain_text_and_doubled_braces_are_braces() -> None:
    assert problems_of("{% load x %}", "approval_opened") != []
    assert fill_in("{{{reference}}} {{ x }}", {"reference": "BR-1"}) == "{BR-1} { x }"


def test_message_to_a_requester_has_nothing_that_is_due() -> None:
    assert problems_of("{due}", "request_executed")
    assert not problems_of("{due}", "approval_opened")


def test_language_is_looked_up_from_the_narrow_to_the_wide() -> None:
    assert languages_to_try("zh-Hant-TW") == ["zh-Hant-TW", "zh-Hant", "zh", ""]


@pytest.mark.slow
def test_mail_says_what_the_organisation_wrote_in_the_persons_language(acme: World, asked: Approval) -> None:
    write(acme)
    write(acme, language="de", subject="{reference}: bitte prüfen", body="<b>{headline}</b>")
    set_notification_preference(actor=acme.actor("approver"), wanted=Wanted(channels_on=["email"], language="fr"))
    assert mail_of(acme, asked).subject == f"{asked.reference}: please look"
    set_notification_preference(actor=acme.actor("approver"), wanted=Wanted(channels_on=["email"], language="de-AT"))
    mail = mail_of(acme, asked)
    assert mail.subject == f"{asked.reference}: bitte prüfen"
    assert "&lt;b&gt;" in mail.html
    assert "<b>Raise" not in mail.html


def test_personal_data_in_a_headline_stays_masked(acme: World, asked: Approval) -> None:
    write(acme)
    asked.preview["headline"] = "Write to ana.souza@customers.example"
    Approval.objects.filter(pk=asked.pk).update(preview=asked.preview)
    mail = mail_of(acme, asked)
    assert "ana.souza" not in mail.subject + mail.text + mail.html


@pytest.mark.parametrize("stored", ["{gone}", "{reference", "   "])
def test_broken_stored_text_falls_back_to_the_built_in_one(acme: World, asked: Approval, stored: str) -> None:
    facts = {"template": "approval_opened", "version": 1, "subject": stored, "body": "x"}
    NotificationTemplate.objects.create(**facts)
    assert mail_of(acme, asked).subject.startswith(f"{asked.reference} needs your approval")


def test_reset_puts_the_built_in_text_back_and_keeps_the_versions(acme: World, asked: Approval) -> None:
    write(acme)
    reset_notification_template(actor=acme.actor("admin"), template="approval_opened", seen_version=1)
    assert mail_of(acme, asked).subject.startswith(f"{asked.reference} needs your approval")
    assert NotificationTemplate.objects.count() == 2
    actions = ["NOTIFICATION_TEMPLATE_SET", "NOTIFICATION_TEMPLATE_RESET"]
    assert AuditEntry.objects.filter(action__in=actions).count() == 2


def test_only_admins_write_texts_and_nobody_overwrites_a_colleagues(acme: World, asked: Approval) -> None:
    with pytest.raises(Refused):
        write(acme, "approver")
    write(acme)
    with pytest.raises(Conflict) as caught:
        write(acme, seen_version=0)
    assert caught.value.code == "stale_version"
    with tenant_scope(acme.globex.pk):
        assert not NotificationTemplate.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"template": "nope"}, "template"), ({"language": "German"}, "language"), ({"subject": " "}, "subject")],
)
def test_text_of_no_message_or_language_is_refused_by_field(
    acme: World, asked: Approval, wrong: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        write(acme, **wrong)
    assert list(caught.value.facts["fields"]) == [field]


@pytest.mark.slow
def test_admin_previews_saves_edits_and_resets_in_the_console(acme: World, asked: Approval) -> None:
    admin, form = client_of(acme, "admin"), {**TEXT, "version": "0", "language": "", "reason": ""}
    shown = admin.post(f"{PAGE}write/", {**form, "preview": "1"}).content.decode()
    assert f"{asked.reference}: please look" in shown
    assert not NotificationTemplate.objects.exists()
    wrong = admin.post(f"{PAGE}write/", {**form, "body": "{who}", "preview": "1"}).content.decode()
    assert "There is no variable {who} here" in wrong
    assert admin.post(f"{PAGE}write/", {**form, "body": "{who}"}).status_code == 400
    assert admin.post(f"{PAGE}write/", form).status_code == 302
    row = NotificationTemplate.objects.get()
    assert "please look" in admin.get(f"{PAGE}{row.pk}/edit/").content.decode()
    again = {**form, "version": "1", "subject": "{reference}: new"}
    assert admin.post(f"{PAGE}{row.pk}/edit/", again).status_code == 302
    assert admin.post(f"{PAGE}{row.pk}/reset/", {"version": "2", "reason": ""}).status_code == 302
    listed = admin.get(PAGE).content.decode()
    assert ("Built-in text" in listed, "In use" in listed, "Older" in listed) == (True, True, True)
    assert own_text(template="approval_opened", approval=asked, person_id=acme.people["approver"].pk) is None
    assert client_of(acme, "viewer").get(PAGE).status_code == 403
