"""Writing to an audience: what an approver sees, and nobody is written to twice."""

import pytest

from conversations import selectors, services
from conversations.actions import SendAudienceMessage, SendAudienceMessageParams, _send_once
from conversations.models import Message
from conversations.types import SenderIdentity
from core.actors import Actor
from core.errors import Invalid, NotFound, Refused
from core.scope import tenant_scope
from hitl import registry
from tests.conversations.conftest import Shop

KIND = SendAudienceMessage()
PARAMS = SendAudienceMessageParams(audience="VIP", text="Sale on Friday")
EVERYBODY = {"recipients": 3, "left_out": {}, "in_words": "3 people in “VIP” written to"}


@pytest.fixture
def vips(shop: Shop, support: Actor) -> list[Message]:
    """Three people of the audience, the last with a closed conversation."""
    found = [shop.write(sender=SenderIdentity(kind="webchat", value=f"vip-{n}")) for n in range(3)]
    for message in found:
        services.add_tag(actor=support, contact_id=message.sender_id, name="VIP")
    services.close(actor=support, conversation_id=found[2].conversation_id, resolved=True)
    return found


def sent() -> int:
    return Message.objects.filter(direction="out").count()


def test_kind_is_registered() -> None:
    assert isinstance(registry.get("send_audience_message"), SendAudienceMessage)


def test_preview_shows_the_number_of_recipients_and_the_text(vips: list[Message]) -> None:
    preview = KIND.preview(PARAMS, KIND.observe(PARAMS))
    assert "3 people" in preview.headline
    assert preview.body == "Sale on Friday"


def test_reach_is_the_number_of_recipients(vips: list[Message]) -> None:
    assert KIND.estimate(PARAMS, KIND.observe(PARAMS)).reach == 3


def test_everybody_gets_it_once_however_often_it_runs(vips: list[Message]) -> None:
    outcomes = [KIND.execute(PARAMS, idempotency_key="k1") for _ in range(2)]
    assert [outcome.result for outcome in outcomes] == [EVERYBODY] * 2
    assert sent() == 3


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


@pytest.mark.parametrize(("new", "sentences"), [(105, 0), (106, 1), (94, 1)])
def test_drift_tolerates_a_few_per_cent(new: int, sentences: int) -> None:
    found = KIND.drift({"recipients": 100}, {"recipients": new})
    assert len(found) == sentences


def test_audiences_are_listed_with_their_size(vips: list[Message]) -> None:
    assert [(a.name, a.contacts) for a in selectors.list_audiences()] == [("VIP", 3)]


def test_viewer_may_not_tag(vips: list[Message], viewer: Actor) -> None:
    with pytest.raises(Refused):
        services.add_tag(actor=viewer, contact_id=vips[0].sender_id, name="x")


def test_tag_of_odd_signs_is_invalid(vips: list[Message], support: Actor) -> None:
    with pytest.raises(Invalid):
        services.add_tag(actor=support, contact_id=vips[0].sender_id, name="<b>")
