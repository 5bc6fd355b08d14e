"""Cases decide whether a draft may be activated; past conversations are answered again, and nothing leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from agents import services
from agents.erasure import AgentsErasure
from agents.llm.ports import Line, ToolSpec, Turn
from agents.models import Agent, AgentActivation, AgentRun
from agents.selectors import authors_of
from agents.studio.evals import case_services, lease, runs
from agents.studio.evals.models import EvalCase, EvalResult, EvalRun
from conversations.models import Message
from core.clock import at, now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry, Erasure
from core.privacy.erasure.person import Person
from core.tenancy.scope import NOTHING, _enter
from hitl.models import Approval
from tests.agents.conftest import Desk
from tests.agents.studio.trials.test_trials import Killed, begin, draft_of, nothing_happened, scripted

pytestmark = pytest.mark.slow

HELLO = {"name": "Hello", "says": ["Hello"], "expects": {"contains": ["good day"]}, "must": True}


def checked(run: EvalRun) -> EvalRun:
    """The worker makes all results."""
    runs.work_run(run_id=run.pk, seconds=60)
    run.refresh_from_db()
    assert (run.state, run.is_open) == ("finished", False)
    return run


def test_case_that_must_pass_blocks_activation_until_it_does_or_somebody_with_the_right_says_why(desk: Desk) -> None:
    said = {"text": "Hi"}

    def greet(_lines: Sequence[Line], _tools: Sequence[ToolSpec]) -> Turn:
        return Turn(said["text"])

    scripted(greet)
    agent, admin, owner = draft_of(desk, model="scripted"), desk.world.actor("admin"), desk.world.actor("owner")
    with pytest.raises(Conflict, match="no cases"):
        runs.start_checks(actor=admin, agent_id=agent.pk)
    case_services.keep_case(actor=admin, agent_id=agent.pk, document=HELLO)
    with pytest.raises(Conflict) as unchecked:
        services.activate_draft(actor=admin, agent_id=agent.pk)
    run = runs.start_checks(actor=admin, agent_id=agent.pk)
    with pytest.raises(Conflict, match="running"):
        runs.start_checks(actor=admin, agent_id=agent.pk)
    checked(run)
    result = run.results.get()
    assert (result.passed, result.misses) == (False, [{"code": "does_not_contain", "about": "good day"}])
    with pytest.raises(Conflict) as failed:
        services.activate_draft(actor=admin, agent_id=agent.pk)
    assert (unchecked.value.code, failed.value.code) == ("unchecked", "checks_failed")
    assert failed.value.facts["cases"] == ["Hello"]
    with pytest.raises(Refused):
        services.activate_draft(actor=admin, agent_id=agent.pk, override="It is late")
    services.activate_draft(actor=owner, agent_id=agent.pk, override="Call me at +34 600 123 456")
    entry = AuditEntry.objects.get(action="AGENT_CHECKS_OVERRIDDEN")
    assert (entry.actor_user_id, entry.new_state, "600" in str(entry.facts)) == (owner.user_id, "checks_failed", False)
    assert "600 123 456" not in AgentActivation.objects.get(agent=agent).override
    assert owner.user_id in authors_of(agent)  # and so may not approve what the agent asks for
    # The next draft is checked again after every change of it and of its cases, and activated once they pass.
    said["text"] = "Good  day to you"
    services.change_agent(actor=admin, agent_id=agent.pk, changes={"instructions": "Be kind."})
    checked(runs.start_checks(actor=admin, agent_id=agent.pk))
    services.change_agent(actor=admin, agent_id=agent.pk, changes={"instructions": "Be brief."})
    with pytest.raises(Conflict, match="Run the checks first"):
        services.activate_draft(actor=admin, agent_id=agent.pk)
    checked(runs.start_checks(actor=admin, agent_id=agent.pk))
    services.activate_draft(actor=admin, agent_id=agent.pk, override="")
    assert nothing_happened()


def test_draft_that_is_changed_while_its_checks_run_is_not_checked(desk: Desk) -> None:
    agent, admin = draft_of(desk), desk.world.actor("admin")
    case_services.keep_case(actor=admin, agent_id=agent.pk, document={**HELLO, "expects": {"brings_person": False}})
    run = runs.start_checks(actor=admin, agent_id=agent.pk)
    services.change_agent(actor=admin, agent_id=agent.pk, changes={"instructions": "Be brief."})
    assert checked(run).error_code == "draft_changed"
    with pytest.raises(Conflict, match="Run the checks first"):
        services.activate_draft(actor=admin, agent_id=agent.pk)
    assert (runs.forget_runs(now=now() + timedelta(days=8)) > 0, EvalRun.objects.exists()) == (True, False)


def test_case_that_ends_its_workers_fails_and_the_others_are_still_made(desk: Desk) -> None:
    def script(lines: Sequence[Line], _tools: Sequence[ToolSpec]) -> Turn:
        if "poison" in lines[-1].text:
            raise Killed
        return Turn("Good day")

    scripted(script)
    agent, admin = draft_of(desk, model="scripted"), desk.world.actor("admin")
    case_services.keep_case(actor=admin, agent_id=agent.pk, document={**HELLO, "name": "First"})
    case_services.keep_case(actor=admin, agent_id=agent.pk, document={**HELLO, "name": "Poison", "says": ["poison"]})
    case_services.keep_case(actor=admin, agent_id=agent.pk, document=HELLO)
    run = runs.start_checks(actor=admin, agent_id=agent.pk)
    client, page = Client(), f"/admin/agents/agent/{agent.pk}/checks/?run={run.pk}"
    client.force_login(desk.world.people["admin"], backend="accounts.backends.RoleBackend")
    with _enter(NOTHING):
        assert lease.put_back() == []
    for _ in range(3):
        with pytest.raises(Killed):
            runs.work_run(run_id=run.pk, seconds=60)
        stale = EvalRun.objects.get(pk=run.pk)
        runs.work_run(run_id=run.pk, seconds=60)  # the lease still holds
        with at(now() + lease.LEASE * 2), _enter(NOTHING):
            assert [row[1] for row in lease.put_back()] == [run.pk]
        assert not lease.renew(stale)
    assert client.get(f"/admin/agents/evalrun/{run.pk}/")["Location"] == page
    working = client.get(page).content.decode()
    assert ("1 of 3 answered" in working, "data-poll" in working) == (True, True)
    assert "1 of 3 answered" in client.get("/admin/agents/evalrun/").content.decode()
    told = client.get(f"/api/v1/eval-runs/{run.pk}/").json()
    assert (told["total"], told["answered"], told["passed"]) == (3, 1, 1)
    checked(run)
    _first, poison, hello = run.results.order_by("number")
    assert (poison.passed, poison.error_code, poison.attempts) == (False, "lost", 3)
    assert poison.misses == [{"code": "broke", "about": "lost"}]
    assert (hello.passed, run.error_code, EvalRun.objects.get(pk=run.pk).fence) == (True, "", 4)
    assert not lease.write_result(stale, hello, answer="Too late")
    assert "its workers ended" in client.get(page).content.decode()


def test_case_is_kept_from_a_trial_masked_and_once_under_a_name(desk: Desk) -> None:
    agent, admin = draft_of(desk, ["list_campaigns"]), desk.world.actor("admin")
    trial = begin(desk, agent, "member", "Show me the campaigns, I am at +34 600 123 456").trial
    found = case_services.suggest_from_trial(viewer=admin, trial_id=trial.pk)
    assert found.document["expects"]["calls"] == ["list_campaigns"]
    document = {**found.document, "name": "Campaigns", "says": ["Show me the campaigns, call +34 600 123 456"]}
    case = case_services.keep_case(actor=admin, agent_id=agent.pk, document=document)
    assert "600 123 456" not in str(case.document)
    assert checked(runs.start_checks(actor=admin, agent_id=agent.pk)).results.get().passed is True
    with pytest.raises(Conflict, match="this name"):
        case_services.keep_case(actor=admin, agent_id=agent.pk, document=document)
    with pytest.raises(Invalid) as wrong:
        case_services.keep_case(actor=admin, agent_id=agent.pk, document={**HELLO, "expects": {}, "name": ""})
    assert set(wrong.value.facts["fields"]) == {"name", "expects"}
    with pytest.raises(Refused, match="all your rights"):
        runs.start_checks(actor=admin.limited_to(frozenset({"agents.change_agent"})), agent_id=agent.pk)
    with pytest.raises(NotFound):
        case_services.keep_case(actor=admin, agent_id=agent.pk, document=HELLO, conversation_id=agent.pk)
    with pytest.raises(Refused):
        case_services.keep_case(actor=desk.world.actor("support"), agent_id=agent.pk, document=HELLO)


def test_form_of_a_case_offers_the_tools_of_its_agent_and_what_the_case_names(desk: Desk) -> None:
    agent, reader = draft_of(desk, ["list_campaigns", "pause_campaign"]), draft_of(desk, ["rankings"])
    client = Client()
    client.force_login(desk.world.people["admin"], backend="accounts.backends.RoleBackend")
    page = client.get("/admin/agents/evalcase/keep/", {"agent": str(agent.pk)}).content.decode()
    assert [page.count(f'value="{key}"') for key in ("pause_campaign", "list_campaigns", "bring_person")] == [2, 1, 1]
    assert [page.count(f'value="{key}"') for key in ("set_campaign_budget", "withdraw_request", "answer")] == [0, 0, 0]
    page = client.get("/admin/agents/evalcase/keep/", {"agent": str(reader.pk)}).content.decode()
    assert not re.search("It asks for approval of|It never uses these tools", page)
    form = {
        "agent_id": str(reader.pk), "name": "Reads", "must": "no", "speaker": "member", "says": "How do we rank?",
        "calls": ["rankings"], "never_calls": ["pause_campaign"],
    }  # fmt: skip
    assert client.post("/admin/agents/evalcase/keep/", form).status_code == 302
    case = EvalCase.objects.get()
    assert case.document["expects"]["never_calls"] == ["pause_campaign"]  # kept although the agent has no such tool
    assert 'value="pause_campaign"' in client.get(f"/admin/agents/evalcase/{case.pk}/edit/").content.decode()
    assert client.get("/admin/agents/evalcase/keep/").status_code == 200


def test_past_conversations_are_answered_again_beside_what_was_said_and_erased_with_their_person(desk: Desk) -> None:
    admin = desk.world.actor("admin")
    before = desk.say("What can you do?", "visitor")
    ran = AgentRun.objects.get()
    assert ran.agent_version is not None
    agent: Agent = ran.agent_version.agent
    written = (Message.objects.count(), AgentRun.objects.count(), Approval.objects.count())
    run = checked(runs.start_replay(actor=admin, agent_id=agent.pk))
    result = run.results.get()
    assert (result.before, result.answer, result.said, result.passed) == (before, before, "What can you do?", None)
    assert (Message.objects.count(), AgentRun.objects.count(), Approval.objects.count()) == written
    found = case_services.suggest_from_answer(viewer=admin, message_id=ran.reply_id)
    assert (found.document["says"], found.document["speaker"]) == (["What can you do?"], "public")
    with pytest.raises(NotFound):
        case_services.suggest_from_answer(viewer=admin, message_id=ran.pk)
    limited = admin.limited_to(frozenset({"agents.change_agent"}))
    with pytest.raises(Refused):
        runs.start_replay(actor=limited, agent_id=agent.pk)
    assert not runs.query_runs(viewer=limited).exists()
    client = Client()
    client.force_login(desk.world.people["admin"], backend="accounts.backends.RoleBackend")
    talk = client.get(f"/admin/conversations/conversation/{ran.conversation_id}/").content.decode()
    keep = f"/admin/agents/evalcase/keep/?message={ran.reply_id}"
    assert keep in talk
    assert "What can you do?" in client.get(keep).content.decode()
    form = {
        "agent_id": str(agent.pk), "conversation_id": str(ran.conversation_id), "name": "Abilities", "must": "yes",
        "speaker": "public", "says": "What can you do?", "avoids": "approved",
    }  # fmt: skip
    assert client.post("/admin/agents/evalcase/keep/", form).status_code == 302
    case = EvalCase.objects.get()
    assert client.post(f"/admin/agents/evalcase/{case.pk}/edit/", {**form, "must": "no"}).status_code == 302
    opened = client.post(f"/admin/agents/agent/{agent.pk}/check/")["Location"]
    assert "data-poll" in client.get(opened).content.decode()
    checked(EvalRun.objects.latest("id"))
    assert "Passed" in client.get(opened).content.decode()
    assert "Same" in client.get(f"/admin/agents/evalrun/{run.pk}/", follow=True).content.decode()
    assert "Abilities" in client.get(f"/admin/agents/agent/{agent.pk}/checks/").content.decode()
    person = Person(erasure=Erasure(), targets={"conversations": [str(ran.conversation_id)]})
    for step in AgentsErasure.steps:
        step.work(person, "", 100)
    assert (EvalCase.objects.count(), EvalResult.objects.count()) == (0, 0)


def test_command_says_by_its_exit_code_whether_all_musts_pass(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = draft_of(desk)
    file = tmp_path / "cases.json"

    def run(cases: Any, *more: str) -> int:
        file.write_text(cases if isinstance(cases, str) else json.dumps({"format": "walker.cases/1", "cases": cases}))
        try:
            call_command("evals", "run", "--tenant", desk.world.acme.slug, "--agent", agent.name, "--cases", str(file),
                         *more)  # fmt: skip
        except SystemExit as end:
            return int(str(end.code))
        except CommandError as problem:
            return problem.returncode
        return 0

    passing = {**HELLO, "expects": {"brings_person": False}}
    assert run([passing, {**HELLO, "name": "Should", "must": False}], "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["passed"], found["failed"], found["failed_musts"], found["is_draft"]) == (1, 1, 0, True)
    assert found["cases"][1]["misses"] == [{"code": "does_not_contain", "about": "good day"}]
    assert run([passing, {**HELLO, "name": "Must"}]) == 1
    assert "FAIL  Must: does_not_contain good day" in capsys.readouterr().out
    assert [run("{"), run([]), run([{**passing, "colour": "red"}]), run([passing], "--person", "x@y.z")] == [2] * 4
    assert (nothing_happened(), EvalResult.objects.exists()) == (True, False)
