"""Every page of the console opens for an owner or an admin, in both shapes, with rows and without."""

from typing import Any

import pytest

from accounts.models import ApiKey, Membership
from accounts.permissions.roles import ALL_PERMISSIONS
from accounts.services import add_member
from agents.models import Agent, AgentVersion
from console.permissions import LABELS
from core.audit.chain import record
from core.ids import uuid7
from core.jobs import dead_letters
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.console.conftest import Browser
from tests.console.scene import build_scene
from tests.world import OPERATOR, World

pytestmark = pytest.mark.django_db
FOR_OPERATORS = "/admin/accounts/tier/"


def lists_of(pages: dict[Any, Any]) -> list[str]:
    assert len(pages) > 50
    return sorted(f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in pages)


@pytest.mark.slow
def test_all_lists_without_rows_open(browser: Browser, pages: dict[Any, Any]) -> None:
    client = browser("owner")
    assert [path for path in lists_of(pages) if client.get(path, follow=True).status_code != 200] == [FOR_OPERATORS]


@pytest.mark.slow
def test_all_lists_with_rows_and_pages_of_one_open(browser: Browser, world: World, pages: dict[Any, Any]) -> None:
    scene = build_scene(world)
    client = browser("owner")
    paths = [*lists_of(pages), *(scene.path(name) for name in ("approval", "decided", "conversation"))]
    assert [path for path in paths if client.get(path, follow=True).status_code != 200] == [FOR_OPERATORS]


def test_page_of_an_agent_and_its_run_opens(browser: Browser, acme: World) -> None:
    agent = Agent.objects.create(name="Relay", type="seo", category="search")
    AgentVersion.objects.create(agent=agent, number=3, is_draft=True, tools=["rankings", "gone"])
    shown = browser("admin").get(f"/admin/agents/agent/{agent.pk}/tools/").content.decode()
    assert "Show search rankings" in shown
    assert "gone (unavailable)" in shown


def test_page_of_an_audit_entry_opens(browser: Browser, acme: World) -> None:
    entry = AuditEntry.objects.order_by("-seq").first()
    assert entry
    assert browser("admin").get(f"/admin/core/auditentry/{entry.pk}/").status_code == 200


def test_verifying_the_chain_tells_the_result(browser: Browser) -> None:
    answer = browser("compliance").post("/admin/core/auditentry/verify/", follow=True)
    assert "The audit log is intact" in answer.content.decode()


def test_key_is_shown_once_and_can_be_revoked(browser: Browser, acme: World) -> None:
    client = browser("admin")
    form = {"name": "export", "days": "30", "scopes": ["hitl.view_approval"]}
    shown = client.post("/admin/accounts/apikey/create/", form).content.decode()
    key = ApiKey.objects.get()
    assert key.prefix in shown
    client.post(f"/admin/accounts/apikey/{key.pk}/revoke/")
    assert ApiKey.objects.get().revoked_at


def test_dead_letter_says_in_words_what_failed_and_leads_to_it(browser: Browser, acme: World) -> None:
    letter = dead_letters.park(kind="integrations.maildelivery", ref=uuid7(), error="400")
    page = browser("admin").get(f"/admin/core/deadletter/{letter.pk}/").content.decode()
    assert "Send an email" in page
    assert "SendGrid rejected the email. (400)" in page
    assert f'href="/admin/integrations/maildelivery/{letter.ref}/"' in page


def test_dead_letter_is_put_aside_by_the_form(browser: Browser, acme: World) -> None:
    letter = dead_letters.park(kind="console.test", ref=uuid7(), error="call +34 600 123 456")
    client = browser("admin")
    assert "600 123 456" not in client.get("/admin/core/deadletter/").content.decode()
    client.post(f"/admin/core/deadletter/{letter.pk}/discard/")
    letter.refresh_from_db()
    assert letter.state == "discarded"


def test_role_is_changed_by_the_form_and_never_ones_own(browser: Browser, acme: World) -> None:
    client = browser("admin")
    memberships = {role: acme.people[role].memberships.get() for role in ("viewer", "admin")}
    client.post(f"/admin/accounts/membership/{memberships['viewer'].pk}/role/", {"role": "support"})
    assert acme.people["viewer"].memberships.get().role == "support"
    path = f"/admin/accounts/membership/{memberships['admin'].pk}/role/"
    assert client.post(path, {"role": "owner"}).status_code == 403


def test_person_with_two_memberships_switches_between_tenants(browser: Browser, world: World) -> None:
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=world.people["viewer"], role="viewer")
    client = browser("viewer")
    assert "Globex" in client.get("/admin/").content.decode()
    client.post("/account/tenant/", {"tenant": str(world.globex.pk)})
    assert "Your day at Globex" in client.get("/admin/").content.decode()


def test_form_of_an_organisation_that_closed_ones_membership_acts_in_no_other(browser: Browser, world: World) -> None:
    with tenant_scope(world.globex.pk):
        there = add_member(actor=OPERATOR, user=world.people["viewer"], role="viewer")
    client = browser("viewer")
    client.get("/admin/")
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=world.people["viewer"]).update(is_active=False)
    assert client.post("/account/mail/", {"mail": "off"}).status_code == 403
    with tenant_scope(world.globex.pk):
        assert Membership.objects.get(pk=there.pk).mail_on
    assert "Your day at Globex" in client.get("/admin/").content.decode()
    assert client.post("/account/mail/", {"mail": "off"}).status_code == 302


def test_person_without_any_membership_has_no_mail_to_choose(browser: Browser, world: World) -> None:
    client = browser("viewer")
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=world.people["viewer"]).update(is_active=False)
    assert client.get("/account/mail/").status_code == 403


def test_every_permission_has_words() -> None:
    assert set(LABELS) == set(ALL_PERMISSIONS)


def test_audit_leads_only_where_the_reader_may_go(browser: Browser, acme: World) -> None:
    ref = uuid7()
    record(
        actor=acme.actor("owner"), action="BRIEF_PREFERENCE_SET", object_type="analytics.briefpreference", object_id=ref
    )
    link = f'href="/admin/analytics/briefpreference/{ref}/"'
    assert link in browser("owner").get("/admin/core/auditentry/").content.decode()
    assert link not in browser("compliance").get("/admin/core/auditentry/").content.decode()
