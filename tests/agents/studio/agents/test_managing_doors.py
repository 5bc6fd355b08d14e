"""Agents by the API and the console: the same services, the same answers."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agents.models import Agent, AgentVersion
from agents.studio.agents.gallery import BLANK, templates
from conversations.models import Team
from core.tenancy.scope import tenant_scope
from demo.agents import ensure_default_agents
from tests.api.office import V1, Caller, Office, build_office
from tests.world import World

pytestmark = pytest.mark.slow

NEW = {"name": "Budget desk", "type": "paid_ads", "tools": ["list_campaigns"], "instructions": "Be brief."}
PAGE = "/admin/agents/agent/"


@pytest.fixture
def office(world: World) -> Office:
    with tenant_scope(world.acme.pk):
        ensure_default_agents()
    return build_office(world)


def patch(caller: Caller, agent_id: str, body: dict[str, Any]) -> Any:
    path = f"{V1}agents/{agent_id}/"
    return caller.client.patch(path, body, content_type="application/json", headers=caller.headers)


def built_in(office: Office) -> str:
    with tenant_scope(office.world.acme.pk):
        return str(Agent.objects.get(is_system=True, type="seo").pk)


def test_agent_is_made_changed_and_switched_off_by_the_api(office: Office) -> None:
    caller = office.caller("admin")
    made = caller.post("agents/", NEW)
    path = f"agents/{made.json()['id']}/"
    assert (made.status_code, made.json()["version"], made.json()["draft"]["number"]) == (201, None, 1)
    on = caller.post(f"{path}activate/", {"version": 1, "revision": 1})
    assert (on.status_code, on.json()["version"], on.json()["draft"]) == (200, 1, None)
    changed = patch(caller, made.json()["id"], {"max_open_approvals": 3, "version": 1})
    assert (changed.json()["version"], changed.json()["max_open_approvals"]) == (1, None)
    assert (changed.json()["draft"]["number"], changed.json()["draft"]["max_open_approvals"]) == (2, 3)
    assert caller.get(f"{path}draft/").json() == changed.json()["draft"]
    assert caller.post(f"{path}activate/").json()["max_open_approvals"] == 3
    assert caller.post(f"{path}roll-back/", {"version": 1}).json()["version"] == 1
    assert [row["number"] for row in caller.get(f"{path}versions/").json()] == [2, 1]
    assert [row["version"] for row in caller.get(f"{path}history/").json()] == [1, 2, 1]
    patch(caller, made.json()["id"], {"instructions": "Be kind."})
    assert caller.client.delete(f"{V1}{path}draft/", headers=caller.headers).status_code == 204
    assert caller.get(f"{path}draft/").status_code == 404
    assert caller.post(f"{path}retire/").json()["is_active"] is False


def test_repeated_creation_under_one_key_makes_one_agent(office: Office) -> None:
    caller = office.caller("admin")
    ids = {caller.post("agents/", NEW, key="k1").json()["id"] for _ in range(2)}
    assert len(ids) == 1


def test_version_that_is_old_is_a_conflict(office: Office) -> None:
    caller = office.caller("admin")
    agent_id = caller.post("agents/", NEW).json()["id"]
    patch(caller, agent_id, {"name": "A"})
    late = patch(caller, agent_id, {"name": "B", "version": 1})
    assert (late.status_code, late.json()["code"]) == (409, "stale_version")


def test_built_in_agent_is_copied_and_not_changed(office: Office) -> None:
    caller, seo = office.caller("admin"), built_in(office)
    assert patch(caller, seo, {"name": "Mine"}).json()["code"] == "built_in"
    copy = caller.post(f"agents/{seo}/copy/", {"name": "Mine"})
    assert (copy.status_code, copy.json()["is_system"]) == (201, False)


@pytest.mark.parametrize("wrong", [{"tools": ["nonesuch"]}, {"model": "nonesuch"}, {"max_open_approvals": 0}])
def test_wrong_field_is_named(office: Office, wrong: dict[str, Any]) -> None:
    answer = office.caller("admin").post("agents/", {**NEW, **wrong})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == list(wrong)


def test_support_and_strangers_change_nothing(office: Office) -> None:
    seo = built_in(office)
    assert office.caller("support").post("agents/", NEW).status_code == 403
    assert patch(office.caller("support"), seo, {"name": "x"}).status_code == 403
    assert patch(office.outsider(), seo, {"name": "x"}).status_code == 404


def console(office: Office, role: str = "admin") -> Client:
    client = Client()
    client.force_login(office.world.people[role], backend="accounts.backends.RoleBackend")
    return client


def newest(office: Office) -> Agent:
    with tenant_scope(office.world.acme.pk):
        found: Agent = Agent.objects.order_by("-created_at")[0]
        return found


def test_agent_is_made_and_changed_on_the_page(office: Office) -> None:
    client = console(office)
    form = {"name": "Desk", "type": "seo", "model": "local", "tools": ["rankings"]}
    assert client.post(f"{PAGE}create/", form).status_code == 302
    agent = newest(office)
    page = f"{PAGE}{agent.pk}/"
    assert "answers nobody until its draft is activated" in client.get(f"{page}instructions/").content.decode()
    assert client.post(f"{page}activate/", {"version": 1, "revision": 1}).status_code == 302
    changed = client.post(f"{page}instructions/", {**form, "name": "Desk 2", "version": 1, "revision": 1})
    assert (changed.status_code, newest(office).name) == (302, "Desk")
    shown = client.get(f"{page}versions/").content.decode()
    assert ("Draft of version 2" in shown, "1 change." in shown, "Desk 2" in shown) == (True, True, True)
    assert client.post(f"{page}activate/", {"version": 1, "revision": 1}).status_code == 409
    assert client.post(f"{page}activate/", {"version": 2, "revision": 1}).status_code == 302
    assert newest(office).name == "Desk 2"
    assert client.post(f"{page}roll-back/", {"version": 2}).status_code == 400
    assert client.post(f"{page}roll-back/", {"version": 1}).status_code == 302
    assert newest(office).name == "Desk"


def test_page_names_a_tool_that_no_longer_exists_until_the_agent_is_saved(office: Office) -> None:
    client = console(office)
    form = {"name": "Desk", "type": "seo", "model": "local", "tools": ["rankings"]}
    client.post(f"{PAGE}create/", form)
    page = f"{PAGE}{newest(office).pk}/"
    with tenant_scope(office.world.acme.pk):
        AgentVersion.objects.filter(agent=newest(office)).update(tools=["old_tool", "rankings"])
    shown = client.get(f"{page}tools/").content.decode()
    assert ("old_tool (unavailable)" in shown, "Show search rankings" in shown) == (True, True)
    refused = patch(office.caller("admin"), str(newest(office).pk), {"instructions": "Be brief."})
    assert refused.json()["fields"] == {"tools": ["The tool “old_tool” isn't available. Remove it."]}
    assert client.post(f"{page}tools/", {"tools": ["rankings"], "version": 1}).status_code == 302
    assert "old_tool" not in client.get(f"{page}tools/").content.decode()


def test_tools_are_limited_to_teams_on_the_page_by_the_api_and_in_a_file(office: Office) -> None:
    client, caller = console(office), office.caller("admin")
    form = {"name": "Desk", "type": "seo", "model": "local", "tools": ["rankings"]}
    client.post(f"{PAGE}create/", form)
    agent = newest(office)
    page, path = f"{PAGE}{agent.pk}/", f"agents/{agent.pk}/"
    with tenant_scope(office.world.acme.pk):
        sales = Team.objects.create(name="Sales")
    chosen = {
        "tools": ["rankings", "send_file"],
        "teams-rankings": [str(sales.pk)],
        "teams-content_fell": [str(sales.pk)],
    }
    assert client.post(f"{page}tools/", {**chosen, "version": 1, "revision": 1}).status_code == 302
    limits = {"rankings": [str(sales.pk)]}
    assert caller.get(path).json()["draft"]["tool_teams"] == limits
    shown = client.get(f"{page}tools/").content.decode()
    assert ("Only for Sales" in shown, shown.count("For every team") > 0) == (True, True)
    document = caller.get(f"{path}export/").json()
    assert document["tool_teams"] == {"rankings": ["Sales"]}
    made = caller.post("agents/import/", document).json()
    assert made["draft"]["tool_teams"] == limits
    lost = caller.post("agents/import/", {**document, "tool_teams": {"rankings": ["Nobody"]}})
    assert lost.json()["fields"] == {
        "tool_teams": ["There is no team “Nobody” here. Create it, or remove it from the file."]
    }
    for wrong in ({"send_image": [str(sales.pk)]}, {"rankings": [made["id"]]}):
        assert list(patch(caller, str(agent.pk), {"tool_teams": wrong}).json()["fields"]) == ["tool_teams"]
    assert patch(caller, str(agent.pk), {"tools": ["send_file"]}).json()["draft"]["tool_teams"] == {}
    assert client.post(f"{page}tools/", {**chosen, "teams-rankings": ["x"], "version": 1}).status_code == 400


def test_team_that_was_deleted_still_limits_a_tool_until_it_is_removed(office: Office) -> None:
    client, caller = console(office), office.caller("admin")
    with tenant_scope(office.world.acme.pk):
        sales = Team.objects.create(name="Sales")
    made = caller.post("agents/", {**NEW, "tool_teams": {"list_campaigns": [str(sales.pk)]}}).json()
    with tenant_scope(office.world.acme.pk):
        sales.delete()
    assert "Only for A deleted team" in client.get(f"{PAGE}{made['id']}/tools/").content.decode()
    assert list(caller.post(f"agents/{made['id']}/activate/").json()["fields"]) == ["tool_teams"]
    assert client.post(f"{PAGE}{made['id']}/tools/", {"tools": ["list_campaigns"], "version": 1}).status_code == 302
    assert caller.post(f"agents/{made['id']}/activate/").status_code == 200


def test_page_says_why_a_built_in_agent_is_not_changed(office: Office) -> None:
    form = {"name": "Mine", "model": "local", "version": 1}
    answer = console(office).post(f"{PAGE}{built_in(office)}/instructions/", form)
    assert answer.status_code == 409
    assert "copy" in answer.content.decode().lower()


def test_support_sees_agents_and_no_form(office: Office) -> None:
    page = console(office, "support").get(f"{PAGE}{built_in(office)}/instructions/").content.decode()
    assert "Switch off" not in page


def test_agent_is_made_from_a_template_exported_and_imported(office: Office) -> None:
    client = console(office)
    gallery = client.get(f"{PAGE}templates/").content.decode()
    assert gallery.count("?template=") == len(templates())
    for template in templates():
        page = client.get(f"{PAGE}create/", {"template": template.key}).content.decode()
        assert (f'value="{template.title}"' in page) is (template.key != BLANK), template.key
    form = {
        "name": "Front desk",
        "type": "custom",
        "model": "local",
        "instructions": "One.\nTwo.",
        "tools": ["rankings"],
        "collections": [str(office.ids["collection"])],
    }
    client.post(f"{PAGE}create/", form)
    assert "Help" in client.get(f"{PAGE}{newest(office).pk}/knowledge/").content.decode()
    file = client.get(f"{PAGE}{newest(office).pk}/export/")
    assert file.json()["instructions"] == ["One.", "Two."]
    assert file.json()["collections"] == ["Help"]
    assert client.post(f"{PAGE}import/", {"file": SimpleUploadedFile("a.json", file.content)}).status_code == 302
    caller = office.caller("admin")
    again = caller.post("agents/import/", file.json())
    same = {name: again.json()["draft"][name] for name in ("name", "instructions", "tools", "collections", "model")}
    assert same == {name: form[name] for name in same}


NO_AGENTS = [
    b"", b"{", b"[]", b"\xff\xfe", b"[" * 5000, b" " * 70000, b'{"format": "other/1"}',
    b'{"format": "walker.agent/1", "name": "A", "type": "seo", "key": "sk-1"}',
    b'{"format": "walker.agent/1", "name": "A", "type": "seo", "tools": ["nonesuch"]}',
    b'{"format": "walker.agent/1", "name": "A", "type": "seo", "tools": "rankings"}',
    b'{"format": "walker.agent/1", "name": "A", "type": "seo", "collections": ["Nonesuch"]}',
    b'{"format": "walker.agent/1", "name": 7, "type": "seo"}',
    b'{"format": "walker.agent/1", "name": "A", "type": "nonesuch"}',
    b'{"format": "walker.agent/1", "name": "A", "type": "seo", "max_open_approvals": true}',
    b'{"format": "walker.agent/1", "name": "\\u0000", "type": "seo"}',
]  # fmt: skip


def test_file_that_is_no_agent_is_refused_and_makes_none(office: Office) -> None:
    page, taken = console(office), []
    for content in NO_AGENTS:
        answer = page.post(f"{PAGE}import/", {"file": SimpleUploadedFile("a.json", content)})
        if answer.status_code != 400:
            taken.append((content[:80], answer.status_code))
    assert taken == []
    with tenant_scope(office.world.acme.pk):
        assert not Agent.objects.filter(is_system=False, name__startswith="A").exists()
