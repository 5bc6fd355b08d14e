"""Replies to review, through the API."""

import pytest

from conversations.services import suggest_reply
from core.tenancy.scope import tenant_scope
from tests.api.office import Office
from tests.world import OPERATOR

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_endpoints(office: Office) -> None:
    conversation_id = office.write_in("How long?", "+34 600 555 000")
    with tenant_scope(office.world.acme.pk):
        draft = suggest_reply(
            actor=OPERATOR,
            conversation_id=conversation_id,
            text="Within 60 days. Call +34 600 123 456. [1]",
            reason="low_confidence",
            confidence=20,
            sources=[{"n": 1, "title": "Returns", "url": ""}],
        )
    caller, path = office.caller("support"), f"suggested-replies/{draft.pk}/"
    row = caller.get("suggested-replies/", state="open", conversation=str(conversation_id)).json()["results"][0]
    assert (row["id"], row["reason"], row["confidence"]) == (str(draft.pk), "low_confidence", 20)
    assert "600 123" not in str(row)
    assert row["sources"] == [{"n": 1, "title": "Returns", "url": ""}]
    assert office.outsider().get(path).status_code == 404
    assert caller.post(f"{path}send/", {"text": "x" * 5000}).status_code == 400
    assert caller.post(f"{path}send/", {"text": draft.masked_body + "!"}).status_code == 400
    answer = caller.post(f"{path}send/", {}, key="once")
    assert (answer.status_code, answer.json()["text"]) == (200, draft.masked_body)
    assert caller.post(f"{path}send/", {}, key="once").json() == answer.json()
    refused = caller.post(f"{path}drop/")
    assert (refused.status_code, refused.json()["code"]) == (409, "reviewed")
