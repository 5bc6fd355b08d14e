"""An agent's run beside its conversation: messages, calls, time and cost, without losing the place."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client
from playwright.sync_api import expect

from agents.llm.routes.models import ModelCall
from agents.models import Agent, AgentRun, AgentRunMessage, AgentVersion
from conversations import services
from conversations.models import Conversation, Message
from conversations.services import Draft, Sender
from core.actors import system
from core.clock import now
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.console.desk.test_conversations import leaks
from tests.console.scene import EMAIL, Scene
from tests.console.test_browser import Opener, faults_of, opened, scene
from tests.conversations.conftest import Shop, shop

pytestmark = pytest.mark.slow

__all__ = ["opened", "scene", "shop"]  # fixtures


def run_for(question: Message) -> AgentRun:
    """Record a run that answered a message, with a call of a model."""
    agent = Agent.objects.create(name="Relay", type="custom", category="content")
    version = AgentVersion.objects.create(agent=agent, number=1, name="Relay")
    run: AgentRun = AgentRun.objects.create(
        conversation_id=question.conversation_id,
        agent_version=version,
        trigger_ref=uuid4(),
        trigger="message",
        state="finished",
        started_at=now(),
        finished_at=now(),
    )
    AgentRunMessage.objects.create(run=run, message=question, number=1)
    reply = services.reply(
        actor=system("agents"),
        conversation_id=question.conversation_id,
        draft=Draft(text=f"I've written to {EMAIL}.", metadata={"run": str(run.pk)}, sender=Sender(name="Relay")),
    )
    AgentRun.objects.filter(pk=run.pk).update(reply_id=reply.pk)
    run.tool_calls.create(call_id="1", name="find_order", state="done", milliseconds=12, arguments={})
    ModelCall.objects.create(
        run=run, route_name="Inside", model="m-1", outcome="answered", input_tokens=10, output_tokens=5,
        milliseconds=40, price=Decimal("0.0010"), currency="EUR", tier="small",
    )  # fmt: skip
    return run


@pytest.mark.django_db
def test_page_of_a_run_shows_its_messages_masked_and_records_the_look(shop: Shop) -> None:
    run = run_for(shop.write(f"I am {EMAIL}"))
    url = f"/admin/agents/agentrun/{run.pk}/"
    client = Client()
    client.force_login(shop.world.people["admin"], backend="accounts.backends.RoleBackend")
    for headers in ({}, {"X-Walker-Fragment": "1"}):
        shown = client.get(url, headers=headers).content.decode()
        assert leaks(shown) == []
        assert ("Customer:</b> I am" in shown, "Agent:</b> I&#x27;ve written" in shown) == (True, True)
        assert ("Find order" in shown, "40 ms" in shown, "0.0010 EUR" in shown) == (True, True, True)
    viewed = AuditEntry.objects.filter(action="CONVERSATION_VIEWED", object_id=run.conversation_id)
    assert viewed.count() == 2
    other = Client()
    other.force_login(shop.world.outsiders["owner"], backend="accounts.backends.RoleBackend")
    assert other.get(url).status_code in (302, 404)


@pytest.mark.browser
def test_run_opens_beside_the_conversation_and_the_place_is_kept(opened: Opener, scene: Scene) -> None:
    with tenant_scope(scene.world.acme.pk):
        talk = Conversation.objects.get(pk=scene.ids["conversation"])
        run = run_for(talk.messages.filter(direction="in").latest("seq"))
    place = f"/admin/inbox/?view=open&conversation={talk.pk}"
    page = opened(place, "admin")
    page.locator("#live-reply textarea[name=text]").fill("Half a sentence")
    link = page.locator("a[data-trace]").last
    link.click()
    box = page.locator("dialog.wk-trace")
    expect(box).to_be_visible()
    expect(box.get_by_role("heading", name="Relay run")).to_be_focused()
    for words in ("Messages", "Tools used", "40 ms", "0.0010 EUR"):
        expect(box.get_by_text(words).first).to_be_visible()
    assert faults_of(page, "trace beside the inbox") == []
    assert page.url.endswith(place)
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    expect(link).to_be_focused()
    expect(page.locator("#live-reply textarea[name=text]")).to_have_value("Half a sentence")
    plain = opened(place, "admin", scripts=False)
    plain.locator("a[data-trace]").last.click()
    expect(plain).to_have_url(f"{plain.url.split('/admin')[0]}/admin/agents/agentrun/{run.pk}/")
