"""Lists and pages beside approvals: filters, masks, reveals, streams, and what they cost."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import RevealGrant
from agents.llm.routes.limits import create_budget
from agents.models import Agent
from conversations.models import ChannelAccount
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.services import create_workflow
from tests.api.office import PHONE, Caller, Office
from tests.world import OPERATOR

pytestmark = pytest.mark.django_db
WHY = "The customer asked us to call."


def seen(office: Office, path: str, role: str = "owner", **query: Any) -> Any:
    return office.caller(role).get(path.format(**office.ids), **query).json()


def reveal(caller: Caller, name: str, ref: Any, fields: list[str]) -> Any:
    return caller.post("reveals/", {"object": f"{name}:{ref}", "fields": fields, "reason": WHY})


def views(office: Office, action: str = "CONVERSATION_VIEWED") -> int:
    with tenant_scope(office.world.acme.pk):
        return AuditEntry.objects.filter(action=action).count()


@pytest.mark.parametrize(
    ("path", "query", "count"),
    [
        ("conversations/", {"state": "agent"}, 1),
        ("conversations/", {"state": "closed"}, 0),
        ("conversations/", {"needs_person": "true"}, 0),
        ("conversations/", {"live": "true"}, 1),
        ("conversations/", {"q": "nobody"}, 0),
        ("conversations/", {"contact": "{contact}"}, 1),
        ("contacts/", {"tag": "vip"}, 0),
        ("channel-accounts/", {"kind": "webchat"}, 1),
        ("channel-accounts/", {"active": "false"}, 0),
        ("agents/", {"type": "custom"}, 1),
        ("agents/", {"type": "seo"}, 0),
        ("agent-runs/", {"state": "failed"}, 0),
        ("agent-runs/", {"conversation": "{conversation}"}, 1),
        ("agent-runs/", {"agent": "{agent}"}, 1),
        ("tool-calls/", {"run": "{run}"}, 1),
        ("tool-calls/", {"approval": "{approval}"}, 0),
        ("workflows/", {"active": "false"}, 0),
        ("kill-switches/", {"active": "false"}, 0),
        ("notices/", {"unseen": "true"}, 0),  # the one notice is the viewer's
        ("audit/", {"action": "APPROVAL_PROPOSE"}, 1),
        ("audit/", {"object_type": "hitl.approval", "object_id": "{approval}"}, 1),
    ],
)
def test_list_is_narrowed(office: Office, path: str, query: dict[str, str], count: int) -> None:
    filled = {name: value.format(**office.ids) for name, value in query.items()}
    assert len(seen(office, path, **filled)["results"]) == count


def test_personal_data_in_an_address_is_refused(office: Office) -> None:
    answer = office.caller("owner").get("conversations/", q=PHONE)
    assert (answer.status_code, answer.json()["code"]) == (400, "personal_data")


@pytest.mark.parametrize(("words", "count"), [(PHONE, 1), ("+34 600 000 000", 0), ("nobody", 0)])
def test_search_in_a_body_finds_an_address(office: Office, words: str, count: int) -> None:
    answer = office.caller("owner").post("conversations/search/", {"q": words})
    assert (answer.status_code, len(answer.json()["results"])) == (200, count)


@pytest.mark.parametrize(
    "path",
    [
        "conversations/",
        "conversations/{conversation}/",
        "conversations/{conversation}/messages/",
        "contacts/",
        "contacts/{contact}/",
        "approvals/{approval}/history/",
        "tool-calls/",
        "tool-calls/{call}/",
        "audit/",
        "stream/?stream=inbox",
        "stream/?stream=conversation:{conversation}",
    ],
)
def test_personal_data_is_masked(office: Office, path: str) -> None:
    text = office.caller("owner").get(path.format(**office.ids)).content.decode()
    assert [word for word in ("600 123 456", "600123456", "García") if word in text] == []


def test_credentials_are_never_shown(office: Office) -> None:
    paths = ("channel-accounts/", "channel-accounts/{account}/", "audit-destinations/{destination}/")
    pages = [seen(office, path) for path in paths]
    assert "very secret" not in str(pages)
    assert "credentials" not in str(pages)


def test_key_of_a_line_is_no_public_key(office: Office) -> None:
    assert seen(office, "channel-accounts/{account}/")["widget_key"] == ""
    assert seen(office, "channel-accounts/{chat}/")["widget_key"]


def test_messages_in_clear_need_an_open_reveal(office: Office) -> None:
    caller, path = office.caller("compliance"), f"conversations/{office.ids['conversation']}/messages/"
    refused = caller.get(path, show_pii="true")
    assert (refused.status_code, refused.json()["code"]) == (403, "no_grant")
    reveal(caller, "conversation", office.ids["conversation"], ["messages"])
    assert PHONE in caller.get(path, show_pii="true").json()["results"][0]["text"]


def test_reveal_of_one_field_opens_no_other(office: Office) -> None:
    caller, ref = office.caller("compliance"), office.ids["conversation"]
    reveal(caller, "conversation", ref, ["contact"])
    assert caller.get(f"conversations/{ref}/messages/", show_pii="true").status_code == 403


def test_reveal_is_its_holders_own(office: Office) -> None:
    ref = office.ids["conversation"]
    reveal(office.caller("compliance"), "conversation", ref, ["messages"])
    assert office.caller("owner").get(f"conversations/{ref}/messages/", show_pii="true").status_code == 403


def test_reveal_that_has_ended_opens_nothing(office: Office) -> None:
    caller, ref = office.caller("compliance"), office.ids["conversation"]
    reveal(caller, "conversation", ref, ["messages"])
    with tenant_scope(office.world.acme.pk):
        RevealGrant.objects.update(expires_at="2020-01-01T00:00:00Z")
    assert caller.get(f"conversations/{ref}/messages/", show_pii="true").status_code == 403


def test_contact_in_clear_needs_an_open_reveal(office: Office) -> None:
    caller, ref = office.caller("compliance"), office.ids["contact"]
    assert caller.get(f"contacts/{ref}/", show_pii="true").status_code == 403
    reveal(caller, "contact", ref, ["contact"])
    found = caller.get(f"contacts/{ref}/", show_pii="true").json()
    assert (found["name"], found["clear"], views(office, "CONTACT_VIEWED")) == ("Ana García", True, 1)
    assert caller.get(f"contacts/{ref}/").json()["clear"] is False
    assert (caller.get("contacts/").status_code, views(office, "CONTACT_VIEWED")) == (200, 2)


def test_reveal_is_audited_without_its_reason(office: Office) -> None:
    answer = reveal(office.caller("compliance"), "conversation", office.ids["conversation"], ["messages"])
    found = seen(office, "audit/", action="PII_ACCESSED")["results"]
    assert [row["facts"]["fields"] for row in found] == [["messages"]]
    assert (answer.json()["fields"], WHY in str(found)) == (["messages"], False)


@pytest.mark.parametrize(("words", "tag", "count"), [(PHONE, "", 1), ("+34 600 000 000", "", 0), (PHONE, "vip", 0)])
def test_contact_is_looked_for_in_a_body_and_never_in_an_address(
    office: Office, words: str, tag: str, count: int
) -> None:
    caller = office.caller("owner")
    assert caller.get("contacts/", q=words).status_code == 400
    answer = caller.post("contacts/search/", {"q": words, "tag": tag} if tag else {"q": words})
    assert (answer.status_code, len(answer.json()["results"])) == (200, count)


@pytest.mark.parametrize("path", ["approvals/", "conversations/", "contacts/", "audit/", "approvals/{approval}/"])
def test_clear_where_nothing_can_be_revealed_is_refused(office: Office, path: str) -> None:
    answer = office.caller("owner").get(path.format(**office.ids), show_pii="true")
    assert answer.json()["code"] == "no_grant"


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"object": "conversation:{conversation}", "fields": ["messages"], "reason": "x"}, 400),
        ({"object": "conversation:{conversation}", "fields": [], "reason": WHY}, 400),
        ({"object": "conversation:{conversation}", "fields": ["password"], "reason": WHY}, 400),
        ({"object": "conversation:nobody", "fields": ["messages"], "reason": WHY}, 400),
        ({"object": "user:{conversation}", "fields": ["messages"], "reason": WHY}, 400),
        ({"object": "conversation:{approval}", "fields": ["messages"], "reason": WHY}, 404),
        ({"object": "conversations.conversation:{conversation}", "fields": ["messages"], "reason": WHY}, 201),
    ],
)
def test_reveal_asks_for_what_there_is(office: Office, wanted: dict[str, Any], status: int) -> None:
    body = {**wanted, "object": wanted["object"].format(**office.ids)}
    assert office.caller("compliance").post("reveals/", body).status_code == status


@pytest.mark.parametrize("path", ["", "messages/"])
def test_every_look_at_a_conversation_is_audited(office: Office, path: str) -> None:
    office.caller("viewer").get(f"conversations/{office.ids['conversation']}/{path}")
    assert views(office) == 1


def test_message_pages_go_back_in_time(office: Office) -> None:
    for number in range(3):
        office.write_in(f"Line {number}")
    caller = office.caller("viewer")
    first = caller.get(f"conversations/{office.ids['conversation']}/messages/", limit=2)
    older = caller.next(first).json()
    texts = [row["text"] for row in older["results"] + first.json()["results"]]
    assert texts[1:] == ["Line 0", "Line 1", "Line 2"]
    assert older["next"] is None


def test_person_answers_and_gives_back(office: Office) -> None:
    caller, path = office.caller("support"), f"conversations/{office.ids['conversation']}/"
    assert caller.post(f"{path}messages/", {"text": f"Call {PHONE}"}).json()["clear"] is False
    assert caller.get(path).json()["state"] == "person"
    assert caller.post(f"{path}give-back/").json()["state"] == "agent"
    assert caller.post(f"{path}close/", {"resolved": False}).json()["resolved"] is False


def test_taken_conversation_names_who_has_it(office: Office) -> None:
    path = f"conversations/{office.ids['conversation']}/take-over/"
    office.caller("support").post(path)
    answer = office.caller("admin").post(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "taken")


def test_closing_says_whether_it_is_resolved(office: Office) -> None:
    answer = office.caller("support").post(f"conversations/{office.ids['conversation']}/close/")
    assert list(answer.json()["fields"]) == ["resolved"]


def test_chain_is_whole(office: Office) -> None:
    found = seen(office, "audit/verify/")
    assert (found["ok"], found["first_bad"]) == (True, None)


def test_stream_is_read_on_from_a_number(office: Office) -> None:
    office.propose("Two")
    office.propose("Three")
    caller = office.caller("viewer")
    first = caller.get("stream/", limit=2)
    rest = caller.next(first).json()
    numbers = [row["seq"] for row in first.json()["results"] + rest["results"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert (rest["last"], rest["next"], len(numbers) > 2) == (numbers[-1], None, True)
    assert caller.get("stream/", after=numbers[-1]).json()["results"] == []


@pytest.mark.slow
def test_stream_of_an_approval_is_what_the_queue_tells_about_it(office: Office) -> None:
    approval, name = office.ids["approval"], f"approval:{office.ids['approval']}"
    office.propose("Two")
    caller = office.caller("compliance")
    caller.post(f"approvals/{approval}/hold/", {"reason": "Wait."})
    whole = caller.get("stream/").json()["results"]
    own = [row for row in whole if row["payload"].get("approval_id") == str(approval)]
    first = caller.get("stream/", stream=name, limit=1)
    rest = caller.next(first).json()
    assert (first.json()["stream"], first.json()["results"] + rest["results"]) == (name, own)
    assert (rest["last"], rest["next"], 1 < len(own) < len(whole)) == (own[-1]["seq"], None, True)
    again = caller.get("stream/", stream=name, after=rest["last"]).json()
    assert (again["last"], again["results"]) == (rest["last"], [])


def test_stream_of_anothers_thing_is_not_found(office: Office) -> None:
    for name in ("approval", "conversation"):
        answer = office.outsider().get("stream/", stream=f"{name}:{office.ids[name]}")
        assert answer.status_code == 404


def test_stream_needs_the_right_to_what_it_is_about(office: Office) -> None:
    caller = office.caller("viewer", scopes=["conversations.view_conversation"])
    names = ("queue", f"approval:{office.ids['approval']}", "inbox")
    assert [caller.get("stream/", stream=name).status_code for name in names] == [403, 403, 200]


def test_reading_a_conversations_stream_is_a_look(office: Office) -> None:
    office.caller("viewer").get("stream/", stream=f"conversation:{office.ids['conversation']}")
    assert views(office) == 1


def _grow(office: Office) -> None:
    for number in range(2):
        conversation = office.write_in(value=f"+34 600 123 45{number}")
        office.run(conversation)
        office.propose(f"More {number}")
        body = {"scope": "kind", "target": ("pause_campaign", "update_page_meta")[number % 2], "reason": "Drill"}
        office.caller("compliance").post("kill-switches/", body)
        office.write_in(f"Once more {number}")
        with tenant_scope(office.world.acme.pk):
            ChannelAccount.objects.create(kind="webchat", name=f"Chat {number}")
            levels = [{"approvers": [{"type": "role", "value": "approver"}]}]
            create_workflow(actor=OPERATOR, name=f"Flow {number}", levels=levels)
            period, agent = ("month", None) if number else ("day", Agent.objects.order_by("id")[0].pk)
            scope = "agent" if agent else "tenant"
            create_budget(actor=OPERATOR, scope=scope, agent_id=agent, period=period, amount="5", currency="EUR")


COSTS = {
    "approvals/": 2,  # and who was erased here: none of them is named
    "conversations/": 1,
    # The messages, and the view: its savepoint (two), the conversation, when staff saw it, and three
    # of the audit chain: an entry's MAC covers the entry before, so the head is read and locked, and moved at the end.
    "conversations/{conversation}/messages/": 8,
    "contacts/": 3,
    "channel-accounts/": 1,
    "agents/": 1,
    "budgets/": 3,  # and what is spent of them, on the clocks of the organisation
    "agent-runs/": 1,
    "tool-calls/": 1,
    "workflows/": 6,  # and the names for the sentence of each, those of connections among them
    "kill-switches/": 2,
    "audit/": 1,
    "stream/": 1,
    "stream/?stream=approval:{approval}": 2,  # and the approval
}
OF_THE_KEY = 3
"""The tenant of the key, the key with its owner, and the owner's membership."""


@pytest.mark.slow
def test_lists_cost_the_same_at_one_and_three_rows(office: Office) -> None:
    caller, ids = office.caller("owner"), {**office.ids}
    caller.get("")
    for grow in (lambda _office: None, _grow):
        grow(office)
        costs, counting = {}, []
        for path in COSTS:
            with CaptureQueriesContext(connection) as queries:
                assert caller.get(path.format(**ids)).status_code == 200
            costs[path] = len(queries) - OF_THE_KEY
            counting += [path for query in queries if "count(" in query["sql"].lower()]
        assert (costs, counting) == (COSTS, [])


@pytest.mark.slow
def test_own_notices_are_read_and_marked_and_those_of_others_are_not(office: Office) -> None:
    viewer, owner = office.caller("viewer"), office.caller("owner")
    [row] = viewer.get("notices/", unseen="true").json()["results"]
    assert (row["title"], row["link"], row["seen_at"]) == ("BR-1 needs you", "/admin/", None)
    assert owner.post(f"notices/{row['id']}/seen/").status_code == 404
    assert viewer.post(f"notices/{row['id']}/seen/").json()["seen_at"]
    assert viewer.get("notices/", unseen="true").json()["results"] == []
    assert [row["id"] for row in viewer.get("notices/").json()["results"]] == [str(office.ids["notice"])]
    assert viewer.post("notices/seen/").json() == {"marked": 0}
    assert office.caller("viewer", ["hitl.view_approval"]).get("notices/").status_code == 403
