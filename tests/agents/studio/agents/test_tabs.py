"""An agent's page in tabs: their addresses, who may open and save them, and what the bar above them says."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents import services
from agents.answering.tools import registry as tools
from agents.knowledge.services import create_collection, write_article
from agents.models import Agent, AgentVersion, EvalCase, EvalRun, Trial
from agents.services import Setup
from agents.studio.agents.admin.studio import FOR_EDITORS, TABS, frame_of
from agents.studio.agents.tool_groups import ALWAYS, groups_of
from agents.studio.evals import case_services
from core.clock import now
from tests.console.conftest import Browser
from tests.world import World

pytestmark = pytest.mark.django_db
HOME = "/admin/agents/agent/"
SETUP = Setup(name="Lea", instructions="Be brief.", tools=("send_file", "set_campaign_budget", "rankings"))
HELLO = {"name": "Greets", "says": ["Hello"], "expects": {"contains": ["Hello"]}, "must": True}


@pytest.fixture
def agent(acme: World) -> Agent:
    """An agent that answers, and a draft that changes its instructions and tools."""
    admin = acme.actor("admin")
    made = services.create_agent(actor=admin, type="custom", setup=SETUP)
    services.activate_draft(actor=admin, agent_id=made.pk)
    changes = {"instructions": "Be brief.\nBe kind.", "tools": ("send_file", "set_campaign_budget")}
    services.change_agent(actor=admin, agent_id=made.pk, changes=changes)
    return Agent.objects.get(pk=made.pk)


def tab(agent: Agent, name: str) -> str:
    return f"{HOME}{agent.pk}/{name}/"


def shown(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def part(page: str, begins: str, ends: str) -> str:
    """Return the words between two marks of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.partition(begins)[2].partition(ends)[0])).split())


def bar(page: str) -> tuple[str, str]:
    """Return what the bar says of the draft, and what the menu of Activate says."""
    state = part(page, '<div class="wk-studio-state" role="status">', "</div>")
    return state, part(page, 'wk-studio-activate"', "</details>").partition("> ")[2]


@pytest.mark.slow
def test_each_tab_has_an_address_for_its_readers_and_old_addresses_lead_there(
    browser: Browser, agent: Agent, acme: World
) -> None:
    owner, viewer, outsider, wrong = browser("owner"), browser("viewer"), browser("owner", outside=True), []
    for name, title in TABS.items():
        page, path = shown(owner, tab(agent, name)), tab(agent, name)
        if re.findall(r'<a href="([^"]*)" aria-current="page">(\w+)', page)[-1:] != [(path, title)]:
            wrong.append(f"{name} is not marked as the open tab")
        if f'<h1>Lea<span class="wk-hidden">: {title}' not in page:
            wrong.append(f"{name} has no heading")
        if (statuses := (viewer.get(path).status_code, outsider.get(path).status_code)) != (
            403 if name in FOR_EDITORS else 200,
            404,
        ):
            wrong.append(f"{name}: {statuses}")
        sent = (viewer.post(path).status_code, outsider.post(path).status_code)
        if sent != ((405, 405) if name in ("checks", "versions") else (403, 404)):
            wrong.append(f"POST {name}: {sent}")
    for old in (f"{HOME}{agent.pk}/", f"{HOME}{agent.pk}/edit/"):
        leads = owner.get(old).get("Location"), viewer.get(old).status_code, outsider.get(old).status_code
        if (*leads, owner.post(old).status_code) != (tab(agent, "instructions"), 302, 404, 405):
            wrong.append(f"{old}: {leads}")
    page = shown(viewer, tab(agent, "tools"))
    if [name for name in TABS if tab(agent, name) in page] != [name for name in TABS if name not in FOR_EDITORS]:
        wrong.append("a viewer is led to tabs of editors")
    if re.search('name="tools"|id="studio-form"|Activate|Save draft', page) or "Send a file" not in page:
        wrong.append("a viewer gets a form, or nothing to read")
    assert wrong == []
    case = case_services.keep_case(actor=acme.actor("admin"), agent_id=agent.pk, document=HELLO)
    form = {"name": "Greets", "must": "no", "speaker": "public", "says": "Hello", "contains": "Hi"}
    assert owner.post(f"/admin/agents/evalcase/{case.pk}/edit/", form)["Location"] == tab(agent, "checks")
    assert owner.post(f"/admin/agents/evalcase/{case.pk}/delete/")["Location"] == tab(agent, "checks")


@pytest.mark.slow
def test_tabs_save_their_part_of_the_draft_and_keep_what_was_written_beside_a_mistake(
    browser: Browser, agent: Agent, acme: World
) -> None:
    admin = browser("admin")
    shelf = create_collection(actor=acme.actor("admin"), name="Help", audience="public")
    write_article(actor=acme.actor("admin"), collection_id=shelf.pk, title="Returns", text="Within 30 days.")
    seen = {"version": 2, "revision": 1}
    same = {**seen, "tools": ["set_campaign_budget", "send_file"]}  # in another order, which is no change
    assert admin.post(tab(agent, "tools"), same)["Location"] == tab(agent, "tools")
    assert services.current_version(agent).revision == 1
    written = {**seen, "name": "Lea", "model": "local", "instructions": "Be kind."}
    assert admin.post(tab(agent, "instructions"), written)["Location"] == tab(agent, "instructions")
    late = admin.post(tab(agent, "instructions"), {**written, "instructions": "Be quick."})
    assert (late.status_code, "Be quick.</textarea>" in late.content.decode()) == (409, True)
    long = admin.post(tab(agent, "instructions"), {**written, "revision": 2, "instructions": "long " * 2000})
    assert (long.status_code, "long long" in long.content.decode(), 'aria-invalid="true"' in long.content.decode()) == (
        *(400, True),
        True,
    )
    seen["revision"] = 2
    reads = {**seen, "collections": [str(shelf.pk)], "min_confidence": "", "memory": "off"}
    assert admin.post(tab(agent, "knowledge"), reads).status_code == 302
    setup = services.setup_of(agent)
    assert (setup.tools, setup.instructions) == (("send_file", "set_campaign_budget"), "Be kind.")
    assert (setup.collections, setup.min_confidence, setup.memory) == ((shelf.pk,), 50, "off")
    page = shown(admin, tab(agent, "knowledge"))
    assert re.search(rf'value="{shelf.pk}"[^>]* checked', page)
    assert part(page, f'id="about-{shelf.pk}"', "</p>").startswith("> 1 document in Help Everyone")
    gone = admin.post(tab(agent, "tools"), {"version": 2, "revision": 3, "tools": ["nonesuch"]})
    assert (gone.status_code, "nonesuch is not one of the available choices" in unescape(gone.content.decode())) == (
        400,
        True,
    )


def test_tools_stand_in_groups_each_with_who_may_use_it_and_whether_it_needs_approval(
    browser: Browser, agent: Agent, acme: World
) -> None:
    groups = list(groups_of(tools.keys()))
    found = [tool.key for group in groups for tool in group.tools]
    assert sorted(found) == sorted({*ALWAYS, *tools.keys()} - ({*tools.FOR_EVERY_AGENT} - {*ALWAYS}))
    assert len(found) == len(set(found))
    kinds = {group.title: group.tools for group in groups}
    assert [tool.key for tool in kinds["Always on"]] == list(ALWAYS)
    assert {tool.acting for tool in kinds["Needs approval"]} == {True}
    assert not any(tool.acting or tool.changes for tool in kinds["Looks things up"])
    page = shown(browser("admin"), tab(agent, "tools"))
    said = {key: part(page, f'id="about-{key}">', "</p>") for key in ("send_file", "set_campaign_budget")}
    assert said["send_file"].endswith("Everyone")
    needs = "For roles with the right “Submit requests”. Colleagues only Needs approval"
    assert said["set_campaign_budget"].endswith(needs)
    assert "rankings" not in page  # its platform isn't connected, and the draft doesn't name it
    AgentVersion.objects.filter(agent=agent).update(tools=["send_file", "old_tool"])
    page = shown(browser("viewer"), tab(agent, "tools"))
    assert ("old_tool (unavailable)" in page, "set_campaign_budget" in page) == (True, False)


@pytest.mark.slow
def test_bar_says_how_the_draft_stands_and_what_keeps_it_from_going_live(
    browser: Browser, agent: Agent, acme: World
) -> None:
    admin, owner, actor = browser("admin"), browser("owner"), acme.actor("admin")
    state, menu = bar(shown(admin, tab(agent, "try")))
    assert "Draft of version 2" in state
    assert state.endswith("2 changes not live yet: Instructions, Tools.")
    assert "It replaces version 1 at once" in menu
    case_services.keep_case(actor=actor, agent_id=agent.pk, document=HELLO)
    page = shown(admin, tab(agent, "versions"))
    _state, menu = bar(page)
    assert "Version 2 can't go live yet Run the checks first" in menu
    assert ("Activate the draft" in menu, "Activate all the same" in menu) == (False, False)
    assert "something is missing here" in part(page, 'aria-label="Parts of Lea"', "</nav>")
    assert re.findall(r"(Added|Removed): </span>([^<]*)", page) == [
        ("Added", "Be kind."),
        ("Removed", "Show search rankings"),
    ]
    # The right to override leads past the agent's own cases, and past nothing else.
    assert "Activate all the same" in bar(shown(owner, tab(agent, "checks")))[1]
    AgentVersion.objects.filter(agent=agent, is_draft=True).update(tools=["old_tool"])
    _state, menu = bar(shown(owner, tab(agent, "checks")))
    assert "Tools: The tool “old_tool” isn't available. Remove it." in menu
    assert "Activate all the same" not in menu
    limited = actor.limited_to(frozenset({"agents.view_agent", "agents.change_agent"}))
    frame = frame_of(limited, agent, "tools")
    assert (frame["can_activate"], frame["obstacles"][0][0][:28]) == (False, "Your role can't activate age")
    EvalCase.objects.all().delete()
    services.change_agent(actor=actor, agent_id=agent.pk, changes={"tools": SETUP.tools, "instructions": "Be brief."})
    state, menu = bar(shown(admin, tab(agent, "tools")))
    assert state.endswith("It is the same as version 1, which is live.")
    done = admin.post(f"{HOME}{agent.pk}/activate/", {"version": 2, "revision": 2})
    assert done["Location"] == tab(agent, "versions")
    state, menu = bar(shown(admin, tab(agent, "versions")))
    assert (state.startswith("Live"), "Nothing to activate" in menu) == (True, True)
    back = re.findall(r'href="([^"]*roll-back/\?version=1)"', shown(admin, tab(agent, "versions")))
    assert '<option value="1" selected>' in shown(admin, back[0])
    new = services.create_agent(actor=actor, type="custom", setup=replace(SETUP, instructions=""))
    assert "answers nobody until its draft is activated" in bar(shown(admin, tab(new, "instructions")))[0]


@pytest.mark.slow
def test_every_tab_takes_few_statements_and_is_small(browser: Browser, agent: Agent, acme: World) -> None:
    admin, person, much = acme.actor("admin"), acme.people["admin"], []
    for number in range(12):
        create_collection(actor=admin, name=f"Shelf {number}", audience="public")
        document = {**HELLO, "name": f"Case {number}"}
        case_services.keep_case(actor=admin, agent_id=agent.pk, document=document)
        services.change_agent(actor=admin, agent_id=agent.pk, changes={"instructions": f"Be brief. {number}"})
        services.activate_draft(actor=acme.actor("owner"), agent_id=agent.pk, override="Read by two of us.")
    services.change_agent(actor=admin, agent_id=agent.pk, changes={"instructions": "Be kind."})
    draft = services.current_version(agent)
    run = EvalRun.objects.create(agent=agent, version=draft, person=person, kind="cases", state="finished")
    trial = Trial.objects.create(agent=agent, version=draft, person=person, speaker="public")
    for number in range(1, 31):
        trial.turns.create(number=number, said="Hello", answer="Good day. " * 40, state="answered")
        run.results.create(number=number, name=f"Case {number}", said="Hello", answer="Good day", finished_at=now())
    client = browser("admin")
    pages = [tab(agent, name) for name in TABS]
    for path in (*pages, f"{tab(agent, 'try')}?trial={trial.pk}", f"{tab(agent, 'checks')}?run={run.pk}"):
        client.get(path)  # what is kept for a while is kept now
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(path)
        assert answer.status_code == 200, path
        much.append((path.removeprefix(HOME), len(asked), len(answer.content)))
        # Its draft, and the rules of who answers, are read once, however many parts show them.
        drafts = sum('"is_draft"' in each["sql"].partition(" WHERE ")[2].partition(" GROUP ")[0] for each in asked)
        rules = sum(' FROM "agents_answerrule"' in each["sql"] for each in asked)
        assert (drafts, rules) == (1, 1), path
    assert [each for each in much if each[1] > 40 or each[2] > 300_000] == []
    read_again = {f"{tab(agent, 'try')}?trial={trial.pk}": ["try-thread", "try-facts"]}
    read_again[f"{tab(agent, 'checks')}?run={run.pk}"] = ["run"]
    for path, parts in read_again.items():
        whole = shown(client, path)
        with CaptureQueriesContext(connection) as asked:
            fresh = client.get(path, headers={"X-Walker-Fragment": "fresh"}).content.decode()
        assert [re.findall(r'id="([\w-]+)" data-fresh', page) for page in (whole, fresh)] == [parts, parts]
        assert ("<nav" in fresh, len(asked) < 20) == (False, True), (path, len(asked))
