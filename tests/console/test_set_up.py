"""The set-up on the dashboard: each step is looked for, and the list goes when all is there."""

import re

import pytest
from django.test import Client

from accounts.models import Membership
from agents import services as agents
from agents.knowledge.services import write_article
from agents.models import Collection
from conversations.models import ChannelAccount
from conversations.services import Draft, Sender, reply
from core.actors import Actor
from core.models import AuditEntry
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, write_in
from tests.world import World

pytestmark = pytest.mark.django_db
DONE_OR_LINKED = r'<(?:a href="[^"]+"|span class="wk-hidden")>(?:Done: </span>)?'
STEP = re.compile(rf'<li( class="wk-set-up-done")?>.*?{DONE_OR_LINKED}([^<]+)', re.DOTALL)


def steps_of(client: Client) -> dict[str, bool]:
    page = client.get("/admin/").content.decode()
    found = re.search(r'<section class="wk-card wk-set-up".*?</section>', page, re.DOTALL)
    return {title: bool(done) for done, title in STEP.findall(found[0])} if found else {}


@pytest.mark.slow
def test_each_step_is_done_once_it_is_really_there(browser: Browser, acme: World) -> None:
    owner, outsider = browser("owner"), browser("owner", outside=True)
    acting: Actor = acme.actor("owner")

    def connect() -> None:
        ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900")

    def write() -> None:
        shelf = Collection.objects.create(name="Patients", audience="public")
        write_article(actor=acting, collection_id=shelf.pk, title="Hours", text="We open at eight.")

    def answer() -> None:
        talk = write_in(ChannelAccount.objects.get(), "When do you open?")
        reply(actor=acting, conversation_id=talk, draft=Draft(text="At eight.", sender=Sender("person")))

    Membership.objects.exclude(user=acme.people["owner"]).update(is_active=False)
    order = {
        "Connect a channel": connect,
        "Write what your agents should know": write,
        "Give your customers an agent": agents.ensure_first_agent,
        "Choose who approves": lambda: add_workflow(acme),
        "Invite colleagues": lambda: Membership.objects.filter(user=acme.people["admin"]).update(is_active=True),
        "Send a test message": answer,
    }
    assert steps_of(owner) == dict.fromkeys(order, False)
    for number, (title, do) in enumerate(order.items(), start=1):
        do()
        done = dict(zip(order, [True] * number + [False] * (len(order) - number), strict=True))
        assert steps_of(owner) == (done if number < len(order) else {}), title
    assert steps_of(outsider)["Connect a channel"] is False


def test_steps_are_those_that_the_role_may_do_and_lead_where_it_may_go(browser: Browser, acme: World) -> None:
    assert list(steps_of(browser("approver"))) == []
    assert list(steps_of(browser("viewer"))) == []
    owner = browser("owner")
    page = owner.get("/admin/").content.decode()
    links = re.findall(r'<a href="([^"]+)">', re.findall(r'class="wk-card wk-set-up".*?</section>', page, re.DOTALL)[0])
    assert len(links) == 5
    assert {link: owner.get(link).status_code for link in links} == dict.fromkeys(links, 200)


@pytest.mark.slow
def test_list_is_hidden_for_the_organisation_and_comes_back_by_who_may(browser: Browser, acme: World) -> None:
    owner, tenant = browser("owner"), acme.acme.pk
    pages = {verb: f"/admin/accounts/tenant/{tenant}/{verb}-set-up/" for verb in ("hide", "show")}
    assert pages["hide"] in owner.get("/admin/").content.decode()
    assert pages["show"] not in owner.get("/admin/accounts/tenant/").content.decode()
    for stranger, status in ((browser("support"), 403), (browser("owner", outside=True), 404)):
        assert [stranger.post(url).status_code for url in pages.values()] == [status, status]
    told = owner.post(pages["hide"], follow=True)
    assert told.redirect_chain == [("/admin/", 302)]
    assert "To see it again, open Settings" in told.content.decode()
    assert [steps_of(browser(role)) for role in ("owner", "admin")] == [{}, {}]
    assert steps_of(browser("owner", outside=True)) != {}
    assert owner.post(pages["hide"]).status_code == 302  # again, which changes nothing
    general = owner.get("/admin/accounts/tenant/").content.decode()
    assert (pages["show"] in general, pages["hide"] in general) == (True, False)
    browser("admin").post(pages["show"])
    assert steps_of(owner) != {}
    entries = AuditEntry.objects.filter(action="TENANT_CHANGED", object_id=tenant).order_by("seq")
    assert list(entries.values_list("facts", flat=True)) == [{"fields": ["hides_set_up"]}] * 2
