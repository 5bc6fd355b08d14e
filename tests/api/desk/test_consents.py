"""The consent ledger, blocks and the reply window through the API."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F

from conversations import services
from conversations.models import ChannelAccount, Conversation
from conversations.types import InboundMessage, SenderIdentity
from core.clock import now
from core.models import AuditEntry, ReplyWindow
from core.tenancy.scope import tenant_scope
from tests.api.office import Office
from tests.console.scene import DOOR
from tests.templating import choose_template

pytestmark = pytest.mark.django_db
ADDRESS = "+34 600 999 111"


def told(**more: Any) -> dict[str, Any]:
    return {"address": ADDRESS, "purpose": "marketing", "state": "withdrawn", "channel": "whatsapp", **more}


@pytest.mark.slow
def test_consent_of_an_unknown_address_is_kept_until_it_appears(office: Office) -> None:
    caller = office.caller("support")
    made = caller.post("consents/", told(purpose="reply"))
    assert (made.status_code, made.json()["contact_id"], made.json()["source"]) == (201, None, "api")
    assert ADDRESS not in made.content.decode()
    again = caller.post("consents/", told(purpose="reply"))
    assert again.json()["id"] == made.json()["id"]
    with tenant_scope(office.world.acme.pk):
        assert AuditEntry.objects.filter(action="CONSENT_RECORDED").count() == 1
        conversation = _write_in()
    [row] = caller.get("consents/", contact=str(conversation.contact_id)).json()["results"]
    assert (row["id"], row["contact_id"]) == (made.json()["id"], str(conversation.contact_id))
    page = caller.get(f"conversations/{conversation.pk}/").json()
    assert (page["can_reply"], page["reply_refusal"]) == (False, "opted_out")
    refused = caller.post(f"conversations/{conversation.pk}/messages/", {"text": "Hello"})
    assert (refused.status_code, refused.json()["code"]) == (409, "opted_out")
    contact = caller.get(f"contacts/{conversation.contact_id}/").json()
    assert contact["opt_outs"] == [{"channel": "whatsapp", "purpose": "reply"}]
    earlier = (now() - timedelta(days=900)).isoformat()
    caller.post("consents/", told(purpose="reply", state="given", at=earlier))
    assert not caller.get(f"conversations/{conversation.pk}/").json()["can_reply"]
    caller.post("consents/", told(purpose="reply", state="given"))
    page = caller.get(f"conversations/{conversation.pk}/").json()
    assert (page["can_reply"], page["reply_refusal"]) == (True, "")


def _write_in() -> Conversation:
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900")
    sender = SenderIdentity(kind="phone", value=ADDRESS, verified=True)
    inbound = InboundMessage(channel_account_id=line.pk, sender=sender, text="Hello")
    found: Conversation = Conversation.objects.get(pk=services.receive(actor=DOOR, inbound=inbound).conversation_id)
    return found


@pytest.mark.slow
def test_end_of_the_window_is_shown_and_a_template_has_to_be_chosen(office: Office) -> None:
    caller = office.caller("support")
    with tenant_scope(office.world.acme.pk):
        conversation = _write_in()
        ends = ReplyWindow.objects.get(line=conversation.channel_account_id).wrote_at + timedelta(hours=24)
    path = f"conversations/{conversation.pk}/"
    page = caller.get(path).json()
    assert (page["can_reply"], page["reply_window_ends_at"]) == (True, ends.isoformat().replace("+00:00", "Z"))
    with tenant_scope(office.world.acme.pk):
        ReplyWindow.objects.update(wrote_at=F("wrote_at") - timedelta(hours=24))
    page = caller.get(path).json()
    assert (page["can_reply"], page["reply_refusal"], page["can_send_template"]) == (False, "window_closed", False)
    with tenant_scope(office.world.acme.pk):
        choose_template(conversation.channel_account, "paused")
    assert not caller.get(path).json()["can_send_template"]
    lost = caller.post(f"{path}messages/", {"text": "Hello", "as_template": True})
    assert (lost.status_code, lost.json()["code"]) == (409, "template_not_approved")
    with tenant_scope(office.world.acme.pk):
        choose_template(conversation.channel_account)
    assert caller.get(path).json()["can_send_template"]
    refused = caller.post(f"{path}messages/", {"text": "Hello"})
    assert (refused.status_code, refused.json()["code"], refused.json()["has_template"]) == (409, "window_closed", True)
    assert caller.post(f"{path}messages/", {"text": "Hello", "as_template": True}).status_code == 201


@pytest.mark.slow
def test_blocked_contact_is_shown_and_unblocked(office: Office) -> None:
    caller = office.caller("support")
    with tenant_scope(office.world.acme.pk):
        contact_id: UUID = _write_in().contact_id
    for _ in range(2):
        assert caller.post(f"contacts/{contact_id}/block/").json()["is_blocked"] is True
    assert caller.post(f"contacts/{contact_id}/unblock/").json()["is_blocked"] is False


@pytest.mark.slow
def test_consent_is_recorded_and_read_with_its_proof(office: Office) -> None:
    words = {"purpose": "marketing", "text": "Send me offers."}
    wording = office.caller("admin").post("consent-wordings/", words).json()
    caller = office.caller("support")
    assert [row["version"] for row in caller.get("consent-wordings/", purpose="marketing").json()["results"]] == [1]
    day, end = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    proof = {"wording_id": wording["id"], "way": "form", "place": "https://shop.example/news", "expires_at": end}
    made = caller.post("consents/", told(state="given", at=day, **proof))
    assert made.status_code == 201, made.content
    row = caller.get(f"consents/{made.json()['id']}/").json()
    assert {name: row[name] for name in (*proof, "evidence", "is_expired")} == {
        **proof,
        "evidence": "",
        "is_expired": True,
    }


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"address": "not an address"}, "address"),
        ({"purpose": "account"}, "purpose"),
        ({"state": "blocked"}, "state"),
        ({"channel": "pigeon"}, "channel"),
        ({"at": "2999-01-01T00:00:00Z"}, "at"),
        ({"way": "paper"}, "way"),
        ({"state": "given", "evidence": "ana@customer.example"}, "evidence"),
    ],
)
def test_consent_that_makes_no_sense_is_refused_with_the_field(
    office: Office, wrong: dict[str, Any], field: str
) -> None:
    answer = office.caller("support").post("consents/", told(**wrong))
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
