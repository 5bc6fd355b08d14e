"""Removing something removes what was shown: someone who changed it in between is named."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.urls import reverse

from core.errors import Conflict
from core.tenancy.scope import tenant_scope
from hitl.models import ApprovalWorkflow, ApproverGroup, BusinessCalendar, Cap, ComplianceFlag
from hitl.policy.calendars import revise_calendar
from hitl.policy.limits.caps import revise_cap
from hitl.policy.limits.flags import revise_flag
from hitl.policy.workflows.groups import revise_group
from hitl.policy.workflows.workflows import revise_workflow
from tests.api.office import Office, build_office
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
WEEK = {"mon": [["09:00", "17:00"]]}
THINGS = [
    ("workflow", ApprovalWorkflow, "admin:hitl_approvalworkflow_retire", "post", "workflows/{}/retire/"),
    ("group", ApproverGroup, "admin:hitl_approvergroup_delete", "delete", "groups/{}/"),
    ("calendar", BusinessCalendar, "admin:hitl_businesscalendar_delete", "delete", "calendars/{}/"),
    ("cap", Cap, "admin:hitl_cap_retire", "delete", "caps/{}/"),
    ("flag", ComplianceFlag, "admin:hitl_complianceflag_retire", "delete", "flags/{}/"),
]
EVERY = pytest.mark.parametrize(("name", "model", "page", "method", "path"), THINGS, ids=lambda each: str(each)[:8])


@pytest.fixture
def office(world: World) -> Office:
    return build_office(world)


def change(office: Office, name: str) -> None:
    """Let the admin change it, so that version 1 is stale."""
    with tenant_scope(office.world.acme.pk):
        options: dict[str, Any] = {"actor": office.world.actor("admin"), f"{name}_id": office.ids[name]}
        revise: dict[str, Callable[..., Any]] = {
            "workflow": partial(revise_workflow, priority=3),
            "group": partial(revise_group, name="Heads", people=[]),
            "calendar": partial(revise_calendar, name="Office", zone="UTC", week=WEEK),
            "cap": partial(revise_cap, amount="7.00"),
            "flag": partial(revise_flag, label="Seen"),
        }
        revise[name](**options)


def remove(office: Office, method: str, path: str, version: int) -> Any:
    address = path.format(*[office.ids[name] for name, *_, own in THINGS if own == path])
    caller = office.caller("owner")
    if method == "post":
        return caller.post(address, {"version": version})
    return caller.send(method, f"{address}?version={version}")


@EVERY
def test_stale_version_is_refused_at_both_doors_and_names_who_was_faster(
    office: Office, name: str, model: Any, page: str, method: str, path: str
) -> None:
    change(office, name)
    answer = remove(office, method, path, 1)
    browser = office.browser("owner")
    browser.handler.enforce_csrf_checks = False
    shown = browser.post(reverse(page, args=[office.ids[name]]), {"version": "1"})
    assert (answer.status_code, answer.json()["code"], shown.status_code) == (409, "stale_version", 409)
    assert (answer.json()["version"], answer.json()["changed_by"]) == (2, "Admin Acme")
    assert "Admin Acme" in str(shown.context["form"].errors)
    with tenant_scope(office.world.acme.pk):
        assert model.objects.get(pk=office.ids[name]).version == 2


@EVERY
def test_version_that_was_seen_is_taken_away(
    office: Office, name: str, model: Any, page: str, method: str, path: str
) -> None:
    change(office, name)
    assert remove(office, method, path, 2).status_code in (200, 204)
    with tenant_scope(office.world.acme.pk):
        assert not model.objects.filter(pk=office.ids[name], **_in_use(name)).exists()


def _in_use(name: str) -> dict[str, bool]:
    return {"is_active": True} if name in ("workflow", "cap", "flag") else {}


def test_stale_group_is_told_before_a_blank_name(office: Office) -> None:
    change(office, "group")
    with tenant_scope(office.world.acme.pk), pytest.raises(Conflict) as refused:
        revise_group(
            actor=office.world.actor("admin"), group_id=office.ids["group"], name=" ", people=[], seen_version=1
        )
    assert refused.value.code == "stale_version"
