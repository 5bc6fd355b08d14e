"""Break-glass: alone, with a second factor, where it is allowed, and looked at by somebody else."""

from dataclasses import replace
from typing import Any

import pytest

from core.actors import Actor
from core.errors import Conflict, Refused
from core.models import AuditEntry
from hitl import selectors
from hitl.approvals.decide import override as overrides
from hitl.approvals.decide.override import close_review
from hitl.models import Approval, Notification, OverrideReview
from tests.hitl.kit.scene import Scene, stored


def owner(scene: Scene) -> Actor:
    return replace(scene.actor("owner"), auth_strength="mfa")


def override(scene: Scene, approval: Approval, **options: Any) -> Approval:
    options.setdefault("actor", owner(scene))
    return overrides.override(approval_id=approval.pk, digest=approval.digest, reason="On fire", **options)


@pytest.mark.slow
def test_override_approves_and_is_carried_out(scene: Scene) -> None:
    scene.define({"mode": "all"}, allow_override=True)
    approval = override(scene, scene.propose())
    assert (approval.state, approval.decided_as, approval.compliance_flags) == ("approved", "overridden", ["override"])
    assert scene.done(approval).state == "executed"


def test_override_opens_a_review_and_tells_the_reviewers(scene: Scene) -> None:
    scene.define(allow_override=True)
    override(scene, scene.propose())
    assert OverrideReview.objects.get().closed_at is None
    told = set(Notification.objects.filter(template="approval_overridden").values_list("recipient_id", flat=True))
    assert told == {scene.user_id("admin"), scene.user_id("compliance")}


@pytest.mark.slow
def test_review_stays_on_the_reviewers_list_until_it_is_closed(scene: Scene) -> None:
    scene.define(allow_override=True)
    approval = scene.done(override(scene, scene.propose()))
    viewer = scene.actor("compliance")
    assert [row.approval_id for row in selectors.list_needing(viewer=viewer)] == [approval.pk]
    close_review(actor=viewer, approval_id=approval.pk, reason="Fine")
    assert selectors.list_needing(viewer=viewer) == []


def test_override_without_second_factor_is_refused(scene: Scene) -> None:
    scene.define(allow_override=True)
    with pytest.raises(Refused) as caught:
        override(scene, scene.propose(), actor=scene.actor("owner"))
    assert caught.value.code == "weak_sign_in"


def test_override_where_it_is_not_allowed_is_refused(scene: Scene) -> None:
    with pytest.raises(Refused) as caught:
        override(scene, scene.propose())
    assert caught.value.code == "no_break_glass"


def test_override_of_ones_own_request_is_refused(scene: Scene) -> None:
    scene.define(allow_override=True)
    with pytest.raises(Refused) as caught:
        override(scene, scene.propose(actor=scene.actor("owner")))
    assert caught.value.code == "four_eyes"


def test_override_without_the_right_is_refused(scene: Scene) -> None:
    scene.define(allow_override=True)
    with pytest.raises(Refused):
        override(scene, scene.propose(), actor=replace(scene.actor("admin"), auth_strength="mfa"))


@pytest.mark.slow
def test_override_of_one_who_lost_the_right_is_not_carried_out(scene: Scene) -> None:
    scene.define(allow_override=True)
    approval = override(scene, scene.propose())
    scene.world.people["owner"].memberships.update(role="admin")
    assert scene.done(approval).holds == ["manual"]


@pytest.mark.slow
def test_override_of_one_nobody_can_sign_lets_it_go(scene: Scene) -> None:
    scene.define({"mode": "quorum", "quorum": 9}, allow_override=True)
    approval = scene.propose()
    assert approval.holds == ["unsatisfiable"]
    assert scene.done(override(scene, approval)).state == "executed"


@pytest.mark.slow
def test_review_is_closed_by_somebody_else(scene: Scene) -> None:
    scene.define(allow_override=True)
    approval = override(scene, scene.propose())
    with pytest.raises(Refused):
        close_review(actor=owner(scene), approval_id=approval.pk, reason="Fine")
    close_review(actor=scene.actor("compliance"), approval_id=approval.pk, reason="Fine")
    assert stored(approval).compliance_flags == ["override", "override_reviewed"]
    assert AuditEntry.objects.filter(action="OVERRIDE_REVIEWED").count() == 1
    with pytest.raises(Conflict):
        close_review(actor=scene.actor("compliance"), approval_id=approval.pk, reason="Again")
