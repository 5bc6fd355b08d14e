"""Compliance flags: set by rules and people, sealed, shown, filtered, and cleared by others only."""

from typing import Any

import pytest
from django.urls import reverse

from core.errors import Conflict, Invalid, WalkerError
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.approvals.change.edit import edit
from hitl.approvals.decide.flags import clear_flag, set_flag
from hitl.approvals.integrity.verification import broken_requests
from hitl.management.commands.verify_approvals import problems
from hitl.models import Approval, ComplianceFlag, Decision
from hitl.policy.limits.flags import create_flag, retire_flag
from hitl.selectors import timeline
from tests.api.office import Office
from tests.hitl.kit.effects import Effects
from tests.hitl.kit.hall import build_hall
from tests.hitl.kit.scene import BLUE, Scene, stored
from tests.world import World

pytestmark = pytest.mark.django_db
WHY = "Named in the sanctions list."


@pytest.fixture
def flags(scene: Scene) -> dict[str, ComplianceFlag]:
    """One flag that only people set, and one with a condition."""
    owner = scene.actor("owner")
    made = [
        create_flag(actor=owner, name="pep", label="Politically exposed"),
        create_flag(actor=owner, name="large", label="Large amount", condition="cost > 6"),
    ]
    return {flag.name: flag for flag in made}


def said(approval: Approval) -> list[str]:
    return stored(approval).compliance_flags


@pytest.mark.slow
def test_rule_flags_a_request_when_it_is_made_or_changed_and_never_clears(
    scene: Scene, flags: dict[str, ComplianceFlag]
) -> None:
    scene.define({"editable_fields": ["amount"]})
    small, large = scene.propose(), scene.propose(params={**BLUE, "amount": "7.00"})
    assert (said(small), said(large)) == ([], ["large"])
    asked: dict[str, Any] = {"actor": scene.actor("approver")}
    edit(**asked, approval_id=small.pk, digest=small.digest, changes={"amount": "9.00"}, reason="More")
    edit(**asked, approval_id=large.pk, digest=large.digest, changes={"amount": "1.00"}, reason="Less")
    assert (said(small), said(large)) == (["large"], ["large"])
    told = AuditEntry.objects.filter(facts__has_key="flags").order_by("seq")
    assert [(entry.action, entry.object_id) for entry in told] == [
        ("APPROVAL_PROPOSE", large.pk),
        ("APPROVAL_EDIT", small.pk),
    ]
    retire_flag(actor=scene.actor("owner"), flag_id=flags["large"].pk, seen_version=1)
    assert said(scene.propose(params={"button": "green", "amount": "8.00"})) == []
    assert (list(broken_requests()), list(problems())) == ([], [])


def test_condition_that_cannot_be_evaluated_sets_the_flag(scene: Scene) -> None:
    create_flag(actor=scene.actor("owner"), name="wide", label="Wide", condition="reach > 1000000")
    assert said(scene.propose()) == ["wide"]


@pytest.mark.slow
def test_people_set_and_clear_flags_with_a_reason_also_after_the_end(
    scene: Scene, flags: dict[str, ComplianceFlag]
) -> None:
    approval, officer = scene.propose(), scene.actor("compliance")
    about: dict[str, Any] = {"approval_id": approval.pk, "flag": "pep", "reason": WHY}
    set_flag(actor=officer, **about)
    assert scene.done(scene.decide(approval)).state == "executed"
    clear_flag(actor=officer, **about)
    set_flag(actor=officer, **about)
    assert said(approval) == ["pep"]
    told = timeline.history(viewer=officer, approval_id=approval.pk)
    assert [(row.action, row.facts.get("flag"), row.reason) for row in told if "flag" in row.action] == [
        ("flagged", "pep", WHY),
        ("unflagged", "pep", WHY),
        ("flagged", "pep", WHY),
    ]
    assert (list(broken_requests()), list(problems())) == ([], [])


@pytest.mark.slow
def test_flag_is_refused_without_right_reason_or_list_and_as_contributor(
    scene: Scene, flags: dict[str, ComplianceFlag]
) -> None:
    _, second = scene.world.another("admin")
    officer, asker = scene.actor("compliance"), scene.actor("admin")
    approval = scene.propose(actor=asker)
    set_flag(actor=asker, approval_id=approval.pk, flag="pep", reason=WHY)
    attempts: list[tuple[str, Any, dict[str, Any]]] = [
        ("not_allowed", set_flag, {"actor": scene.actor("approver")}),
        ("not_allowed", clear_flag, {"actor": scene.actor("approver")}),
        ("four_eyes", clear_flag, {"actor": asker}),
        ("flagged", set_flag, {}),
        ("invalid", clear_flag, {"reason": " "}),
        ("invalid", set_flag, {"flag": "unknown"}),
        ("invalid", set_flag, {"flag": "override"}),
        ("invalid", clear_flag, {"flag": "override"}),
        ("not_flagged", clear_flag, {"flag": "large"}),
        ("stale_digest", clear_flag, {"digest": "0" * 64}),
        ("not_found", set_flag, {"actor": scene.world.outsider()}),
    ]
    for code, move, other in attempts:
        about = {"actor": officer, "approval_id": approval.pk, "flag": "pep", "reason": WHY, **other}
        scope = scene.world.globex if code == "not_found" else scene.world.acme
        with tenant_scope(scope.pk), pytest.raises(WalkerError) as caught:
            move(**about)
        assert caught.value.code == code, other
    assert said(approval) == ["pep"]
    clear_flag(actor=second, approval_id=approval.pk, flag="pep", reason=WHY)


def test_flags_changed_outside_are_found_and_nothing_is_built_on_them(
    scene: Scene, flags: dict[str, ComplianceFlag]
) -> None:
    approval = scene.propose(params={**BLUE, "amount": "7.00"})
    Approval.objects.filter(pk=approval.pk).update(compliance_flags=[])
    assert list(broken_requests()) == [(approval.reference, "the request was changed")]
    about: dict[str, Any] = {"approval_id": approval.pk, "flag": "pep", "reason": WHY}
    for move in (set_flag, clear_flag):
        with pytest.raises(Conflict) as caught:
            move(actor=scene.actor("compliance"), **about)
        assert caught.value.code == "tampered"
    with pytest.raises(Conflict) as caught:
        scene.decide(approval)
    assert caught.value.code == "tampered"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "Has Spaces", "label": "x"}, "name"),
        ({"name": "override", "label": "x"}, "name"),
        ({"name": "ok", "label": "  "}, "label"),
        ({"name": "ok", "label": "x", "condition": "cost >"}, "condition"),
        ({"name": "ok", "label": "x", "condition": "cost > 1 or " * 60}, "condition"),
    ],
)
def test_flag_that_cannot_be_used_is_refused_by_field(scene: Scene, values: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        create_flag(actor=scene.actor("owner"), **values)
    assert list(caught.value.facts["fields"]) == [field]


@pytest.mark.slow
def test_flags_over_the_api_and_in_the_console(world: World, effects: Effects) -> None:
    hall, office = build_hall(world, effects), Office(world)
    owner, officer, approver = (office.caller(role) for role in ("owner", "compliance", "approver"))
    made = owner.post("flags/", {"name": "pep", "label": "Politically exposed"})
    assert made.status_code == 201
    assert owner.post("flags/", {"name": "pep", "label": "Again"}).json()["code"] == "exists"
    assert officer.post("flags/", {"name": "other", "label": "Other"}).status_code == 403
    plain, marked = hall.begin("pending"), hall.begin("pending", "green")
    body = {"flag": "pep", "reason": WHY}
    assert approver.post(f"approvals/{marked.pk}/flag/", body).status_code == 403
    answer = officer.post(f"approvals/{marked.pk}/flag/", body)
    assert (answer.status_code, answer.json()["compliance_flags"]) == (200, ["pep"])
    assert officer.post(f"approvals/{marked.pk}/flag/", body).json()["code"] == "flagged"
    assert officer.post(f"approvals/{plain.pk}/unflag/", body).json()["code"] == "not_flagged"
    unknown = officer.post(f"approvals/{plain.pk}/flag/", {**body, "flag": "nothing"})
    assert (unknown.status_code, list(unknown.json()["fields"])) == (400, ["flag"])
    found = officer.get("approvals/", flag="pep").json()["results"]
    assert [row["reference"] for row in found] == [marked.reference]
    browser = hall.browser("compliance")
    page, shown = reverse("admin:hitl_approval_changelist"), []
    for query in ({"flag": "pep"}, {"flag": "any"}, {"flag": "override"}, {}):
        shown.append([row.reference for row in browser.get(page, query).context["cl"].result_list])
    assert shown[:3] == [[marked.reference], [marked.reference], []]
    assert len(shown[3]) == 2
    assert (
        "Politically exposed" in browser.get(reverse("admin:hitl_approval_change", args=[marked.pk])).content.decode()
    )
    cleared = browser.post(reverse("admin:hitl_approval_unflag", args=[marked.pk]), body)
    assert cleared.status_code == 302
    flag = made.json()
    change = {"label": "Exposed", "condition": "cost > 1", "version": flag["version"]}
    assert owner.send("put", f"flags/{flag['id']}/", change).json()["version"] == 2
    assert owner.send("put", f"flags/{flag['id']}/", change).json()["code"] == "stale_version"
    with tenant_scope(world.acme.pk):
        assert Decision.objects.filter(approval=marked, verdict__in=("flagged", "unflagged")).count() == 2


@pytest.mark.slow
def test_flags_are_listed_and_edited_in_the_console(world: World, effects: Effects) -> None:
    browser = build_hall(world, effects).browser("owner")
    where = "admin:hitl_complianceflag_"
    bad = browser.post(reverse(f"{where}create"), {"name": "ads", "label": "Ads", "condition": "cost >"})
    assert (bad.status_code, list(bad.context["form"].errors)) == (400, ["condition"])
    made = browser.post(reverse(f"{where}create"), {"name": "ads", "label": "Ads", "condition": "cost > 100"})
    assert made.status_code == 302
    with tenant_scope(world.acme.pk):
        flag = ComplianceFlag.objects.get()
    edited = browser.post(reverse(f"{where}edit", args=[flag.pk]), {"label": "Adverts", "condition": "", "version": 1})
    assert edited.status_code == 302
    retired = browser.post(reverse(f"{where}retire", args=[flag.pk]), {"version": 2})
    assert retired.status_code == 302
    assert "Adverts" in browser.get(reverse(f"{where}changelist")).content.decode()
