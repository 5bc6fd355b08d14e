"""Writing to an audience: what an approver sees, and nobody is written to twice."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from conversations import actions, selectors, services
from conversations.actions import SendAudienceMessage, SendAudienceMessageParams, _send_once
from conversations.contacts import contacts, identity
from conversations.models import Message
from conversations.types import SenderIdentity
from core.actors import Actor
from core.clock import now
from core.errors import Invalid, NotFound, Refused
from core.ids import uuid7
from core.tenancy.scope import tenant_scope
from hitl.actions import registry
from hitl.actions.base import Origin
from hitl.models import KillSwitch
from hitl.services import create_workflow, decide, execute, propose
from tests.conversations.conftest import Shop

KIND = SendAudienceMessage()
PARAMS = SendAudienceMessageParams(audience="VIP", text="Sale on Friday")
EVERYBODY = {"recipients": 3, "left_out": {}, "in_words": "3 people in “VIP” messaged"}


@pytest.fixture
def vips(shop: Shop, support: Actor) -> list[Message]:
    """Three people of the audience, the last with a closed conversation."""
    found = [shop.write(sender=SenderIdentity(kind="webchat", value=f"vip-{n}")) for n in range(3)]
    for message in found:
        contacts.add_tag(actor=support, contact_id=message.sender_id, name="VIP")
    services.close(actor=support, conversation_id=found[2].conversation_id, resolved=True)
    return found


def sent() -> int:
    return Message.objects.filter(direction="out").count()


def test_kind_is_registered() -> None:
    assert isinstance(registry.get("send_audience_message"), SendAudienceMessage)


@pytest.mark.slow
def test_preview_shows_the_number_of_recipients_and_the_text(vips: list[Message]) -> None:
    preview = KIND.preview(PARAMS, KIND.observe(PARAMS))
    assert "3 people" in preview.headline
    assert preview.body == "Sale on Friday"


@pytest.mark.slow
def test_reach_is_the_number_of_recipients(vips: list[Message]) -> None:
    assert KIND.estimate(PARAMS, KIND.observe(PARAMS)).reach == 3


@pytest.mark.slow
def test_everybody_gets_it_once_however_often_it_runs(vips: list[Message]) -> None:
    outcomes = [KIND.execute(PARAMS, idempotency_key="k1") for _ in range(2)]
    assert [outcome.result for outcome in outcomes] == [EVERYBODY] * 2
    assert sent() == 3


@pytest.mark.slow
def test_run_that_was_cut_off_goes_on_where_it_stopped(vips: list[Message]) -> None:
    _send_once(vips[0].sender_id, PARAMS.text, "k1")
    assert KIND.probe(PARAMS, idempotency_key="k1") is None
    KIND.execute(PARAMS, idempotency_key="k1")
    assert (sent(), KIND.probe(PARAMS, idempotency_key="k1") is None) == (3, False)


def test_probe_cannot_tell_before_anything_was_sent(vips: list[Message]) -> None:
    assert KIND.probe(PARAMS, idempotency_key="k1") is None


def test_name_is_resolved_to_the_one_kept(vips: list[Message]) -> None:
    assert KIND.resolve(PARAMS.model_copy(update={"audience": " vip "})).audience == "VIP"


def test_unknown_audience_is_not_found(vips: list[Message]) -> None:
    with pytest.raises(NotFound):
        KIND.observe(PARAMS.model_copy(update={"audience": "nobody"}))


def test_other_tenants_audience_is_not_found(vips: list[Message], shop: Shop) -> None:
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        KIND.observe(PARAMS)


def facts(people: list[UUID]) -> dict[str, Any]:
    return {"recipients": len(people), "persons": identity.marks_of(people)}


PEOPLE = [uuid7() for _ in range(1_200)]


@pytest.mark.parametrize(
    ("people", "sentences"),
    [
        (PEOPLE[:100], 0),
        (PEOPLE[100:0:-1], 0),  # one of them is another
        (PEOPLE[:105], 0),
        (PEOPLE[:106], 1),
        (PEOPLE[:94], 1),
        (PEOPLE[3:103], 0),
        (PEOPLE[12:112], 1),
        (PEOPLE[100:200], 1),
    ],
)
def test_drift_tolerates_a_few_per_cent_of_the_people(people: list[UUID], sentences: int) -> None:
    assert len(KIND.drift(facts(PEOPLE[:100]), facts(people))) == sentences


@pytest.mark.parametrize(("others", "sentences"), [(0, 0), (30, 0), (80, 1), (1_000, 1)])
def test_drift_sees_other_people_in_a_large_audience(others: int, sentences: int) -> None:
    then, now = PEOPLE[:1_000], PEOPLE[others:1_000] + [uuid7() for _ in range(others)]
    assert len(KIND.drift(facts(then), facts(now))) == sentences


@pytest.mark.slow
def test_small_audience_with_one_other_person_has_drifted(vips: list[Message], shop: Shop, support: Actor) -> None:
    before = KIND.observe(PARAMS)
    contacts.remove_tag(actor=support, contact_id=vips[0].sender_id, name="VIP")
    other = shop.write(sender=SenderIdentity(kind="webchat", value="vip-9"))
    contacts.add_tag(actor=support, contact_id=other.sender_id, name="VIP")
    after = KIND.observe(PARAMS)
    assert before["recipients"] == after["recipients"]
    assert len(KIND.drift(before, after)) == 1


@pytest.mark.slow
def test_signature_for_other_people_is_void_and_nobody_is_written_to(
    vips: list[Message], shop: Shop, support: Actor
) -> None:
    world, signers = shop.world, [{"type": "role", "value": "approver"}]
    create_workflow(actor=world.actor("owner"), name="All", is_default=True, levels=[{"approvers": signers}])
    asked = {"kind": KIND.key, "params": PARAMS.model_dump(), "origin": Origin(channel="webchat")}
    approval = propose(actor=support, **asked)
    decide(actor=world.actor("approver"), approval_id=approval.pk, verdict="approve", digest=approval.digest)
    contacts.remove_tag(actor=support, contact_id=vips[0].sender_id, name="VIP")
    other = shop.write(sender=SenderIdentity(kind="webchat", value="vip-9"))
    contacts.add_tag(actor=support, contact_id=other.sender_id, name="VIP")
    execute(approval.pk)
    approval.refresh_from_db()
    assert (approval.state, approval.revision, sent()) == ("pending", 2, 0)


@pytest.mark.slow
def test_active_switch_stops_a_message_between_two_people(
    vips: list[Message], shop: Shop, support: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, signers = shop.world, [{"type": "role", "value": "approver"}]
    create_workflow(actor=world.actor("owner"), name="All", is_default=True, levels=[{"approvers": signers}])
    approval = propose(actor=support, kind=KIND.key, params=PARAMS.model_dump(), origin=Origin())
    decide(actor=world.actor("approver"), approval_id=approval.pk, verdict="approve", digest=approval.digest)

    def stop(*given: Any) -> int:
        KillSwitch.objects.create(scope="tenant", reason="Wrong text", activated_at=now())
        return _send_once(*given)

    monkeypatch.setattr(actions, "_send_once", stop)
    assert (execute(approval.pk).state, sent()) == ("executing", 1)
    monkeypatch.undo()
    KillSwitch.objects.update(released_at=now())
    assert (execute(approval.pk, now=now() + timedelta(minutes=1)).state, sent()) == ("executed", 3)


def test_request_of_before_people_were_noted_is_asked_again() -> None:
    assert KIND.drift({"recipients": 100}, facts(PEOPLE[:100]))


def test_facts_name_nobody_and_stay_small(vips: list[Message]) -> None:
    told = str(KIND.observe(PARAMS))
    assert not [row for row in vips if str(row.sender_id) in told or row.sender_id.hex in told]
    assert len(told) < 1_400


def test_audiences_are_listed_with_their_size(vips: list[Message]) -> None:
    assert [(a.name, a.contacts) for a in selectors.list_audiences()] == [("VIP", 3)]


def test_viewer_may_not_tag(vips: list[Message], viewer: Actor) -> None:
    with pytest.raises(Refused):
        contacts.add_tag(actor=viewer, contact_id=vips[0].sender_id, name="x")


def test_tag_of_odd_signs_is_invalid(vips: list[Message], support: Actor) -> None:
    with pytest.raises(Invalid):
        contacts.add_tag(actor=support, contact_id=vips[0].sender_id, name="<b>")
