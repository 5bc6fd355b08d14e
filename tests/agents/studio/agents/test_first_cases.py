"""An agent made from a template is checked from the start, and passes with the built-in model and the demo's data."""

from __future__ import annotations

import pytest
from django.test import Client

from agents import services
from agents.answering.tools import registry as tools
from agents.knowledge.services import create_collection, write_article
from agents.models import Agent
from agents.studio.agents.gallery import BLANK, FRONT_DESK, templates, with_cases
from agents.studio.evals import runs
from core.errors import Conflict, Invalid
from demo.library import ensure_library
from tests.agents.conftest import Desk
from tests.agents.studio.trials.test_trials import nothing_happened

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_each_template_brings_cases_that_the_built_in_model_passes(desk: Desk) -> None:
    ensure_library()
    admin, failed = desk.world.actor("admin"), []
    assert set(with_cases()) == {template.key for template in templates()} - {BLANK}
    for template in templates():
        if template.key == BLANK:
            continue
        agent = services.create_agent(actor=admin, type=template.type, setup=template.setup(), template=template.key)
        kept = list(agent.cases.all())
        assert len(kept) >= 3
        assert any(case.is_must for case in kept)
        named = {key for case in template.cases for key in (*case.expects.calls, *case.expects.never_calls)}
        assert all(tools.is_known(key) for key in named)
        with pytest.raises(Conflict, match="Run the checks"):
            services.activate_draft(actor=admin, agent_id=agent.pk)
        run = runs.start_checks(actor=admin, agent_id=agent.pk)
        runs.work_run(run_id=run.pk, seconds=60)
        failed += [
            (template.key, result.name, result.misses, result.answer) for result in run.results.exclude(passed=True)
        ]
        services.activate_draft(actor=admin, agent_id=agent.pk)
    assert failed == []
    assert nothing_happened()


def test_front_desk_passes_in_a_dental_practice_with_one_article(desk: Desk) -> None:
    admin = desk.world.actor("admin")
    shelf = create_collection(actor=admin, name="Patients", audience="public")
    hours = "Our opening hours are Monday to Friday from 8:00 to 13:00."
    write_article(actor=admin, collection_id=shelf.pk, title="Opening hours", text=hours)
    agent = services.create_agent(actor=admin, type="custom", setup=FRONT_DESK.setup(), template=FRONT_DESK.key)
    run = runs.start_checks(actor=admin, agent_id=agent.pk)
    runs.work_run(run_id=run.pk, seconds=60)
    failed = run.results.exclude(passed=True)
    assert [(result.name, result.misses, result.answer) for result in failed] == []


def test_console_keeps_the_cases_of_the_chosen_template(desk: Desk) -> None:
    client = Client()
    client.force_login(desk.world.people["admin"], backend="accounts.backends.RoleBackend")
    page = client.get("/admin/agents/agent/create/", {"template": "bookings"}).content.decode()
    assert 'name="template" value="bookings"' in page
    assert "Comes with 4 checks" in client.get("/admin/agents/agent/templates/").content.decode()
    form = {"name": "Fittings", "type": "custom", "model": "local", "template": "bookings"}
    assert client.post("/admin/agents/agent/create/", form).status_code == 302
    agent = Agent.objects.get(name="Fittings")
    assert agent.cases.count() == 4
    checks = client.get(f"/admin/agents/agent/{agent.pk}/checks/").content.decode()
    assert ("Confirms no appointment itself" in checks, "Run the checks first" in checks) == (True, True)
    setup = services.Setup("X")
    with pytest.raises(Invalid):
        services.create_agent(actor=desk.world.actor("admin"), type="custom", setup=setup, template="nonesuch")
    assert not Agent.objects.filter(name="X").exists()
