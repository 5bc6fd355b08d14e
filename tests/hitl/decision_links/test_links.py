"""Decision links: at most one decision, of its person, on what was sent, and nothing by looking."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from accounts.services import add_member, remove_member
from core.clock import now
from core.errors import Conflict, Gone, Refused, WalkerError
from core.models import AuditEntry
from core.privacy.encryption import digest_of_secret
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.approvals.change.edit import edit
from hitl.approvals.decide.questions import ask
from hitl.approvals.decide.reassign import delegate, reassign
from hitl.decision_links import links, rules
from hitl.decision_links.links import decide_by_link
from hitl.models import Approval, ApproverGroup, Decision, DecisionToken, GroupMember
from tests.database.sealing import seal_rules
from tests.hitl.kit.scene import PRESS, Scene, roles, stored
from tests.hitl.machine.test_races import at_once
from tests.security.rows import changed, snapshot
from tests.world import OPERATOR

Change = Callable[[Scene, Approval], object]


def link_to(scene: Scene, approval: Approval, role: str = "approver", **more: Any) -> str:
    """Make a person's link; returns its secret."""
    return services.make_link(actor=OPERATOR, approval_id=approval.pk, person_id=scene.user_id(role), **more)


def token_of(secret: str) -> UUID:
    """Return the id of a link."""
    found = rules.find_link(secret)
    assert found is not None
    return found.token_id


def press(secret: str, approval: Approval, verdict: Any = "approve", **more: Any) -> Approval:
    """Fill in the page of a link."""
    more.setdefault("typed", approval.reference)
    seen = {name: more.pop(name) for name in ("address", "visitor") if name in more}
    more["visit"] = rules.Visit(**seen)
    return decide_by_link(token_id=token_of(secret), verdict=verdict, **more)


def code_of(secret: str, approval: Approval, **more: Any) -> str:
    """Press a link that must not count; returns why. Nothing is written."""
    before = snapshot()
    with pytest.raises(WalkerError) as caught:
        press(secret, approval, **more)
    assert changed(before, snapshot()) == set()
    return caught.value.code


@pytest.fixture
def asked(scene: Scene) -> Approval:
    """A request that waits for an approver or an admin."""
    return scene.propose()


@pytest.mark.slow
def test_link_that_nobody_made_or_that_was_changed_decides_nothing(scene: Scene, asked: Approval) -> None:
    mine = token_of(link_to(scene, asked, "approver"))
    made = DecisionToken.objects.get(pk=mine)
    rewrites: list[dict[str, Any]] = [
        {"person_id": scene.user_id("admin")},
        {"verdict": "approve"},
        {"expires_at": made.expires_at + timedelta(hours=1)},
        {"policy_version": made.policy_version + 1},
        {"digest": digest_of_secret("known to the attacker")},
    ]
    for columns in rewrites:
        savepoint = transaction.savepoint()
        DecisionToken.objects.filter(pk=mine).update(**columns)
        with pytest.raises(WalkerError) as caught:
            decide_by_link(token_id=mine, verdict="approve", typed=asked.reference)
        transaction.savepoint_rollback(savepoint)
        assert caught.value.code == "not_genuine", columns
    forged = DecisionToken.objects.create(
        digest=digest_of_secret("mine"),
        approval=asked,
        person_id=scene.user_id("admin"),
        verdict="either",
        revision_digest=asked.digest,
        policy_version=made.policy_version,
        expires_at=made.expires_at,
    )
    with pytest.raises(WalkerError) as caught:
        decide_by_link(token_id=forged.pk, verdict="approve", typed=asked.reference)
    assert caught.value.code == "not_genuine"
    assert not Decision.objects.filter(approval=asked).exists()
    assert decide_by_link(token_id=mine, verdict="approve", typed=asked.reference).state == "approved"


@pytest.mark.slow
def test_link_decides_in_the_name_of_its_person(scene: Scene, asked: Approval) -> None:
    decided = press(link_to(scene, asked), asked, address="203.0.113.9")
    vote = Decision.objects.get(verdict="approve")
    assert (decided.state, vote.person_id, vote.digest) == ("approved", scene.user_id("approver"), asked.digest)
    assert (vote.channel, vote.auth_strength, vote.address) == ("email_link", "link", "203.0.113.9")
    entry = AuditEntry.objects.get(action="APPROVAL_APPROVE")
    assert (entry.actor_user_id, entry.auth_strength) == (scene.user_id("approver"), "link")


def test_secret_is_stored_as_a_digest_only(scene: Scene, asked: Approval) -> None:
    secret = link_to(scene, asked)
    assert len(secret) >= 43
    assert DecisionToken.objects.get().digest == digest_of_secret(secret)
    facts = AuditEntry.objects.get(action="DECISION_LINK_MADE").facts
    assert secret not in str(facts)


@pytest.mark.slow
def test_link_that_was_used_does_not_count_again(scene: Scene) -> None:
    scene.define({"mode": "quorum", "quorum": 2})
    asked = scene.propose()
    secret = link_to(scene, asked)
    assert press(secret, asked).state == "pending"
    assert code_of(secret, asked, verdict="reject", reason="No") == "voted"


@pytest.mark.slow
def test_newer_link_voids_the_older(scene: Scene, asked: Approval) -> None:
    old, new = link_to(scene, asked), link_to(scene, asked)
    assert code_of(old, asked) == "replaced"
    assert press(new, asked).state == "approved"


@pytest.mark.slow
def test_links_of_a_colleague_stay(scene: Scene) -> None:
    scene.define({"mode": "quorum", "quorum": 2})
    asked = scene.propose()
    mine, other = link_to(scene, asked), link_to(scene, asked, "admin")
    press(mine, asked)
    assert press(other, asked).state == "approved"


@pytest.mark.parametrize("typed", ["", "1", "BR-9999", "approve", "yes", "BR-"])
def test_wrong_number_decides_nothing(scene: Scene, asked: Approval, typed: str) -> None:
    assert code_of(link_to(scene, asked), asked, typed=typed) == "invalid"


@pytest.mark.parametrize("typed", ["{}", " br-{} ", "#{}"])
def test_number_counts_as_people_write_it(scene: Scene, asked: Approval, typed: str) -> None:
    number = asked.reference.removeprefix("BR-")
    assert press(link_to(scene, asked), asked, typed=typed.format(number)).state == "approved"


@pytest.mark.slow
def test_rejecting_needs_a_reason(scene: Scene, asked: Approval) -> None:
    secret = link_to(scene, asked)
    assert code_of(secret, asked, verdict="reject", reason=" ") == "invalid"
    assert press(secret, asked, "reject", reason="Too dear").state == "rejected"


@pytest.mark.parametrize(("verdict", "why"), [("reject", "other_verdict"), ("", "invalid"), ("maybe", "invalid")])
def test_link_says_only_what_it_is_for(scene: Scene, asked: Approval, verdict: str, why: str) -> None:
    secret = link_to(scene, asked, verdict="approve")
    assert code_of(secret, asked, verdict=verdict, reason="No") == why


def _edited(scene: Scene, approval: Approval) -> None:
    options = {"approval_id": approval.pk, "digest": approval.digest, "changes": {"amount": "4.00"}}
    edit(actor=scene.actor("admin"), **options)


def _delegated(scene: Scene, approval: Approval) -> None:
    options = {"approval_id": approval.pk, "digest": approval.digest, "to": scene.user_id("owner")}
    delegate(actor=scene.actor("approver"), **options)


def _reassigned(scene: Scene, approval: Approval) -> None:
    people = {"from_person": scene.user_id("approver"), "to": scene.user_id("owner")}
    options = {"approval_id": approval.pk, "digest": approval.digest, "reason": "Busy"}
    reassign(actor=scene.actor("admin"), **people, **options)


def _signed_out(scene: Scene, approval: Approval) -> None:
    membership = scene.world.people["approver"].memberships.get()
    remove_member(actor=scene.actor("owner"), membership_id=membership.pk)


def _deactivated(scene: Scene, approval: Approval) -> None:
    user = scene.world.people["approver"]
    user.is_active = False
    user.save(update_fields=["is_active"])


def _demoted(scene: Scene, approval: Approval) -> None:
    add_member(actor=scene.actor("owner"), user=scene.world.people["approver"], role="viewer")


def _decided(scene: Scene, approval: Approval) -> None:
    scene.decide(approval, actor=scene.actor("admin"))


def _cancelled(scene: Scene, approval: Approval) -> None:
    services.cancel(actor=scene.actor("owner"), approval_id=approval.pk)


def _questioned(scene: Scene, approval: Approval) -> None:
    options = {"approval_id": approval.pk, "digest": approval.digest, "reason": "Why?"}
    ask(actor=scene.actor("admin"), **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_edited, "stale_digest"),
        (_delegated, "not_an_approver"),
        (_reassigned, "not_an_approver"),
        (_signed_out, "no_membership"),
        (_deactivated, "no_membership"),
        (_demoted, "not_allowed"),
        (_decided, "conflict"),
        (_cancelled, "conflict"),
        (_questioned, "conflict"),
    ],
)
def test_link_does_not_outlive_what_it_was_made_for(scene: Scene, change: Change, why: str) -> None:
    scene.define({"editable_fields": ["amount"]})
    asked = scene.propose()
    secret = link_to(scene, asked)
    change(scene, asked)
    assert code_of(secret, stored(asked)) == why


@pytest.mark.parametrize("change", [_edited, _delegated, _reassigned])
def test_old_links_are_void_in_the_rows_as_well(scene: Scene, change: Change) -> None:
    scene.define({"editable_fields": ["amount"]})
    asked = scene.propose()
    link_to(scene, asked)
    change(scene, asked)
    assert not DecisionToken.objects.filter(consumed_at=None).exists()


@pytest.mark.slow
def test_person_who_left_the_group_is_not_asked_any_more(scene: Scene) -> None:
    group = ApproverGroup.objects.create(name="Signers")
    place = GroupMember.objects.create(group=group, user_id=scene.user_id("approver"))
    seal_rules()
    scene.define({"approvers": [{"type": "group", "value": str(group.pk)}, *roles("admin")]})
    asked = scene.propose()
    secret = link_to(scene, asked)
    place.delete()
    seal_rules()
    assert code_of(secret, asked) == "not_an_approver"


@pytest.mark.slow
def test_link_ends_with_its_time_and_with_the_request(scene: Scene, asked: Approval, settings: Any) -> None:
    settings.DECISION_LINK_LIFE = timedelta(hours=2)
    secret = link_to(scene, asked)
    assert code_of(secret, asked, now=now() + timedelta(hours=3)) == "link_expired"
    assert code_of(secret, asked, now=asked.expires_at) == "expired"


@pytest.mark.slow
def test_link_is_for_nobody_else_who_is_signed_in(scene: Scene, asked: Approval) -> None:
    secret = link_to(scene, asked)
    assert code_of(secret, asked, visitor=scene.user_id("admin")) == "other_person"
    assert press(secret, asked, visitor=scene.user_id("approver")).state == "approved"


@pytest.mark.parametrize("fields", [{"risk_score": 50}, {"risk_level": "critical"}, {"risk_level": "odd"}])
def test_risk_above_the_line_asks_to_sign_in(scene: Scene, asked: Approval, fields: dict[str, Any]) -> None:
    secret = link_to(scene, asked)
    Approval.objects.filter(pk=asked.pk).update(**fields)
    assert code_of(secret, asked) == "sign_in"
    assert link_to(scene, asked) == ""


def test_critical_risk_asks_to_sign_in_whatever_is_set(scene: Scene, asked: Approval, settings: Any) -> None:
    settings.DECISION_LINKS_BELOW = 1000
    Approval.objects.filter(pk=asked.pk).update(risk_score=rules.CEILING, risk_level="high")
    assert link_to(scene, asked) == ""


def test_second_factor_of_a_step_asks_to_sign_in(scene: Scene) -> None:
    asked = scene.propose()
    secret = link_to(scene, asked)
    levels = asked.snapshot["levels"]
    Approval.objects.filter(pk=asked.pk).update(
        snapshot={**asked.snapshot, "levels": [{**levels[0], "min_auth": "mfa"}]}
    )
    assert code_of(secret, asked) == "weak_sign_in"
    assert link_to(scene, asked) == ""


def test_links_that_are_switched_off_decide_nothing(scene: Scene, asked: Approval, settings: Any) -> None:
    secret = link_to(scene, asked)
    settings.DECISION_LINKS = False
    assert code_of(secret, asked) == "sign_in"
    assert link_to(scene, asked) == ""


@pytest.mark.parametrize("role", ["support", "viewer", "owner"])
def test_person_who_is_not_asked_gets_no_link(scene: Scene, asked: Approval, role: str) -> None:
    assert link_to(scene, asked, role) == ""


def test_nobody_makes_links_for_others(scene: Scene, asked: Approval) -> None:
    with pytest.raises(Refused):
        services.make_link(actor=scene.actor("owner"), approval_id=asked.pk, person_id=scene.user_id("approver"))


def test_link_is_nothing_to_another_tenant(scene: Scene, asked: Approval) -> None:
    token_id = token_of(link_to(scene, asked))
    with tenant_scope(scene.world.globex.pk):
        assert not DecisionToken.objects.exists()
        with pytest.raises(WalkerError) as caught:
            decide_by_link(token_id=token_id, verdict="approve", typed=asked.reference)
    assert caught.value.code == "not_found"


def test_tenant_that_is_switched_off_has_no_links(scene: Scene, asked: Approval) -> None:
    secret = link_to(scene, asked)
    scene.world.acme.is_active = False
    scene.world.acme.save(update_fields=["is_active"])
    assert rules.find_link(secret) is None


@pytest.mark.parametrize("spoil", [lambda s: s[:-1], lambda s: s + "A", str.swapcase, str.upper, lambda s: s[:0]])
def test_changed_link_is_none(scene: Scene, asked: Approval, spoil: Callable[[str], str]) -> None:
    assert rules.find_link(spoil(link_to(scene, asked))) is None


@pytest.mark.slow
def test_looking_at_a_link_changes_nothing(scene: Scene, asked: Approval) -> None:
    secret = link_to(scene, asked)
    before = snapshot()
    opened = rules.open_link(token_of(secret))
    assert opened.problem is None
    assert changed(before, snapshot()) == set()


def test_ended_links_are_removed_after_a_week(scene: Scene, asked: Approval) -> None:
    link_to(scene, asked)
    ended = DecisionToken.objects.get().expires_at
    assert links.purge_links(now=ended + timedelta(days=6)) == 0
    assert links.purge_links(now=ended + timedelta(days=8)) == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_link_pressed_many_times_at_once_decides_once(live_scene: Scene) -> None:
    asked = live_scene.propose(params=PRESS)
    secret = link_to(live_scene, asked)
    verdicts = ["approve", "reject"] * 4
    results = at_once([lambda v=v: press(secret, asked, v, reason="No") for v in verdicts])
    assert len([each for each in results if isinstance(each, Approval)]) == 1
    assert all(isinstance(each, Approval | Conflict | Gone) for each in results)
    assert Decision.objects.filter(channel="email_link").count() == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_link_against_a_delegation_has_one_winner(live_scene: Scene) -> None:
    for _ in range(5):
        asked = live_scene.propose(params={"button": "blue", "amount": "5.00"})
        secret = link_to(live_scene, asked)
        first, second = at_once([lambda: press(secret, asked), lambda: _delegated(live_scene, asked)])  # noqa: B023
        assert isinstance(first, Approval) is not (second is None)
        if not isinstance(first, Approval):
            live_scene.decide(asked, actor=live_scene.actor("admin"))
