"""A new organisation starts with a front desk, and with nothing of the demo."""

import re
from io import StringIO
from typing import Final

import pytest
from django.core.management import call_command
from django.test import Client

from accounts import selectors
from accounts.models import User
from accounts.services import actor_for_user
from agents import services
from agents.answering.tools import registry as tools
from agents.llm.built_in.replies import say
from agents.models import Agent
from agents.selectors import tools_of
from channels_app.web_chat.settings.manage import save_widget
from conversations.models import ChannelAccount, Contact, ContactTag
from core.tenancy.scope import tenant_scope
from integrations.models import ProviderAccount

pytestmark = pytest.mark.django_db
OWNER: Final = "rosa@initech.example"
OF_THE_DEMO: Final = re.compile(
    r"campaign|budget|audience|ranking|\bseo\b|paid.ads|article|advert|marketing|sandbox|acme|summer sale|draft post",
    re.IGNORECASE,
)


@pytest.fixture
def owner() -> User:
    """The owner of an organisation that was opened by the command."""
    call_command("tenant", "create", "initech", "--name", "Initech", "--email", OWNER, stdout=StringIO())
    person: User = User.objects.get(email=OWNER)
    return person


def test_new_organisation_has_one_agent_that_requests_no_change(owner: User) -> None:
    [membership] = selectors.memberships_of(owner.pk)
    with tenant_scope(membership.tenant_id):
        [agent] = Agent.objects.select_related("active_version")
        assert agent.active_version is not None
        names = tools_of(agent.active_version)
        assert (agent.name, agent.is_active) == ("Front desk", True)
        assert names == ["search_knowledge", "bring_person", "send_file"]
        assert [name for name in names if tools.get(name).acting] == []


def test_new_organisation_reads_no_word_of_the_demo(owner: User) -> None:
    [membership] = selectors.memberships_of(owner.pk)
    with tenant_scope(membership.tenant_id):
        [agent] = Agent.objects.select_related("active_version")
        version = agent.active_version
        assert version is not None
        offered = [tools.get(name) for name in tools_of(version)]
        texts = [
            *(agent.name, agent.type, agent.category, version.name, version.prompt),
            *(text for tool in offered for text in (tool.key, tool.title, tool.description)),
        ]
        assert [text for text in texts if OF_THE_DEMO.search(text)] == []
        assert not ChannelAccount.objects.exists()
        assert not ProviderAccount.objects.exists()
        widget = save_widget(actor=actor_for_user(owner), name="Website", websites="https://initech.example")
        greetings = [str(widget.credentials), say("greeting", version.tools), say("nothing", version.tools)]
        assert [text for text in greetings if OF_THE_DEMO.search(text)] == []


def test_first_agent_is_made_once(owner: User) -> None:
    [membership] = selectors.memberships_of(owner.pk)
    with tenant_scope(membership.tenant_id):
        again = services.ensure_first_agent()
        assert Agent.objects.get() == again


@pytest.mark.slow
def test_form_and_page_name_the_tools_of_every_agent_and_offer_none_that_can_not_work_here(owner: User) -> None:
    [membership] = selectors.memberships_of(owner.pk)
    client = Client()
    client.force_login(owner, backend="accounts.backends.RoleBackend")

    def ticks() -> dict[str, str]:
        page = client.get("/admin/agents/agent/create/", {"template": "front_desk"}).content.decode()
        return dict(re.findall(r'<input[^>]* name="tools" value="(\w+)"([^>]*)>', page))

    shown = ticks()
    assert list(shown) == ["search_knowledge", "bring_person", "send_file"]
    assert ["checked" in rest for rest in shown.values()] == [True, True, True]
    assert ["disabled" in rest for rest in shown.values()] == [True, True, False]
    with tenant_scope(membership.tenant_id):
        contact = Contact.objects.create(display_name="Ana")
        ContactTag.objects.create(contact=contact, name="recall")
    assert "send_audience_message" in ticks()
    form = {"name": "Lea", "type": "custom", "model": "local", "tools": ["send_file"]}
    made = client.post("/admin/agents/agent/create/", form)["Location"]
    page = client.get(made.replace("/instructions/", "/tools/")).content.decode()
    ticked = dict(re.findall(r'<input[^>]* name="tools" value="(\w+)"([^>]*)>', page))
    assert [key for key, rest in ticked.items() if "checked" in rest] == [
        "search_knowledge",
        "bring_person",
        "send_file",
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("kept_settings")
def test_list_tells_who_answers_customers_and_activation_tells_where(owner: User) -> None:
    [membership] = selectors.memberships_of(owner.pk)
    client = Client()
    client.force_login(owner, backend="accounts.backends.RoleBackend")

    def states() -> dict[str, bool]:
        found = {}
        for row in client.get("/admin/agents/agent/").content.decode().split("<tr")[2:]:
            [name] = set(re.findall(r"Front desk|Lea|Max", row))
            found[name] = "Answers customers" in row
            assert found[name] != ("For colleagues" in row)
        return found

    def activate(name: str) -> str:
        form = {"name": name, "type": "custom", "model": "local"}
        page = client.post("/admin/agents/agent/create/", form)["Location"].replace("instructions", "activate")
        return client.post(page, {"version": 1, "revision": 1}, follow=True).content.decode()

    assert states() == {"Front desk": True}
    with tenant_scope(membership.tenant_id):
        save_widget(actor=actor_for_user(owner), name="Website", websites="https://initech.example")
    assert "Lea answers customers in version 1 now, on Website." in activate("Lea")
    assert states() == {"Front desk": False, "Lea": True}
    assert "Max is active in version 1. It answers no customers yet: choose it under Who answers." in activate("Max")
    assert states() == {"Front desk": False, "Lea": False, "Max": False}
