"""Every error has one shape, for any input."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client, RequestFactory

from config.pages import server_error
from core.clock import now
from tests.api.office import KIND, V1, Caller, Office

pytestmark = pytest.mark.django_db


def shape(answer: Any) -> tuple[int, str]:
    body = answer.json()
    assert isinstance(body["detail"], str)
    assert body["detail"]
    return answer.status_code, body["code"]


def raw(caller: Caller, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
    kind = headers.pop("content_type", "application/json")
    return caller.client.generic(method, V1 + path, body, kind, headers={**caller.headers, **headers})


@pytest.mark.parametrize(
    "path",
    [
        "nothing/",
        "approvals",
        "approvals/not-a-uuid/",
        "approvals/%00/",
        "approvals/7a120c51-cd99-4770-8495-e6039b10893c/repaint/",
        "approvals/431fc154-74a0-487b-940a-09b68e36148f/",
        "../../api/v2/",
        "approvals/" + "9" * 5000 + "/",
    ],
)
def test_address_that_leads_nowhere_is_not_found(office: Office, path: str) -> None:
    assert shape(office.caller("owner").get(path)) == (404, "not_found")


def test_absent_and_not_yours_are_told_the_same(office: Office) -> None:
    caller = office.outsider()
    answers = [caller.get(f"approvals/{ref}/").content for ref in (uuid4(), office.ids["approval"])]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", ["actor", "workflow_id", "name", "levels", "moment", "version", "id", ""])
def test_names_of_ours_are_no_conditions(office: Office, name: str) -> None:
    path = f"workflows/{office.ids['workflow']}/revise/"
    body = {"conditions": {name: str(office.ids["workflow"])}, "version": 1}
    assert shape(office.caller("owner").post(path, body)) == (400, "invalid")


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_trial_at_the_end_of_time_is_refused(office: Office, moment: str) -> None:
    path = f"workflows/{office.ids['workflow']}/simulate/"
    answer = office.caller("owner").post(path, {"kind": KIND, "score": 40, "moment": moment})
    assert shape(answer) == (400, "invalid")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_method_is_not_allowed(office: Office, method: str) -> None:
    answer = raw(office.caller("owner"), method, "approvals/")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_answer_in_another_format_is_not_acceptable(office: Office) -> None:
    answer = raw(office.caller("owner"), "GET", "approvals/", Accept="text/html")
    assert shape(answer) == (406, "not_acceptable")


def test_body_in_another_format_is_not_supported(office: Office) -> None:
    answer = raw(office.caller("owner"), "POST", "approvals/", b"a=1", content_type="application/x-www-form-urlencoded")
    assert shape(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "multipart/form-data", "text/plain", "", "x/"])
def test_body_of_any_other_kind_is_not_supported(office: Office, kind: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nHello\r\n--x--\r\n'
    path = f"conversations/{office.ids['conversation']}/messages/"
    assert raw(office.caller("support"), "POST", path, body, content_type=kind).status_code == 415


@pytest.mark.parametrize(("body", "kind"), [(b"a=1", "application/x-www-form-urlencoded"), (b"{", "application/json")])
def test_body_is_looked_at_where_none_is_asked_for(office: Office, body: bytes, kind: str) -> None:
    for path in ("briefs/", f"conversations/{office.ids['conversation']}/take-over/"):
        assert raw(office.caller("owner"), "POST", path, body, content_type=kind).status_code in (400, 415)


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"n": ' + b"9" * 5000 + b"}", b'{"n": NaN}'])
def test_body_that_is_no_json_is_a_parse_error(office: Office, body: bytes) -> None:
    assert shape(raw(office.caller("owner"), "POST", "approvals/", body)) == (400, "parse_error")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"1", b"true", b"{}"])
def test_body_that_is_no_object_is_invalid(office: Office, body: bytes) -> None:
    assert shape(raw(office.caller("owner"), "POST", "approvals/", body)) == (400, "invalid")


def test_body_above_the_limit_is_too_large(office: Office) -> None:
    body = b'{"kind": "' + b"x" * 3_000_000 + b'"}'
    assert shape(raw(office.caller("owner"), "POST", "approvals/", body)) == (413, "too_large")


@pytest.mark.parametrize(
    "params",
    [
        {"campaign": "a\x00b", "budget": "1"},
        {"campaign": "\ud800", "budget": "1"},
        {"campaign": "x", "budget": 1.5},
        {"campaign": "x", "budget": "9" * 400},
        {"campaign": "x", "budget": "1", "extra": 1},
        {"campaign": {"deep": [[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]}},
        {},
    ],
)
def test_params_that_cannot_be_kept_are_invalid(office: Office, params: dict[str, Any]) -> None:
    caller = office.caller("support")
    assert shape(caller.post("approvals/", {"kind": KIND, "params": params})) == (400, "invalid")


def test_size_that_cannot_be_added_up_is_asked_for_and_critical(office: Office) -> None:
    params = {"campaign": "x", "budget": "1", "reach": 10**40}
    answer = office.caller("support").post("approvals/", {"kind": KIND, "params": params})
    assert (answer.status_code, answer.json()["risk_level"]) == (201, "critical")


def test_unknown_kind_is_a_wrong_value(office: Office) -> None:
    answer = office.caller("support").post("approvals/", {"kind": "nothing", "params": {}})
    assert list(answer.json()["fields"]) == ["kind"]


@pytest.mark.parametrize("text", ["", "  ", "x" * 4097, "a\x00b", "\ud800"])
def test_text_that_cannot_be_sent_is_invalid(office: Office, text: str) -> None:
    caller = office.caller("support")
    answer = caller.post(f"conversations/{office.ids['conversation']}/messages/", {"text": text})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["text"])


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "9" * 2000},
        {"limit": "x"},
        {"cursor": "%%%"},
        {"cursor": "bm90LWEtdXVpZA"},
        {"cursor": "é"},
        {"cursor": "AA"},
        {"state": "nothing"},
        {"risk": "\x00"},
        {"kind": "\x00"},
        {"assignee": "somebody"},
        {"overdue": "perhaps"},
        {"q": "\x00"},
        {"stat": "pending"},
        {"state": ""},
        {"kind": " "},
        {"agent": "nobody"},
        {"hold": "forever"},
        {"overdue": "null"},
    ],
)
def test_filter_that_makes_no_sense_is_invalid(office: Office, query: dict[str, Any]) -> None:
    assert shape(office.caller("viewer").get("approvals/", **query)) == (400, "invalid")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("audit/", {"cursor": "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ"}),
        ("conversations/{conversation}/messages/", {"cursor": "LTE"}),
        ("conversations/", {"cursor": "eHx5"}),
        ("stream/", {"after": 2**63}),
        ("stream/", {"after": -1}),
        ("stream/", {"stream": "secrets"}),
        ("stream/", {"stream": "approval:\x00"}),
        ("stream/", {"stream": "conversation:nobody"}),
    ],
)
def test_place_to_go_on_from_never_breaks(office: Office, path: str, query: dict[str, Any]) -> None:
    answer = office.caller("owner").get(path.format(**office.ids), **query)
    assert answer.status_code in (200, 400)


def test_invalid_answer_names_the_values(office: Office) -> None:
    answer = office.caller("support").post("approvals/", {"params": []})
    assert set(answer.json()["fields"]) == {"kind", "params"}


def test_conflict_tells_who_was_faster(office: Office) -> None:
    approval = office.stored(office.ids["approval"])
    path, body = f"approvals/{approval.pk}/approve/", {"digest": approval.digest}
    office.caller("approver").post(path, body)
    answer = office.caller("admin").post(path, body)
    assert (answer.status_code, answer.json()["decided_by"]) == (409, "Approver Acme")


def test_mistake_of_ours_has_the_same_shape() -> None:
    answer = server_error(RequestFactory().get(f"{V1}approvals/"))
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/json")


def test_answer_is_kept_by_nobody_on_the_way(office: Office, client: Client) -> None:
    assert office.caller("viewer").get("approvals/").headers["Cache-Control"] == "no-store"


def test_overtaken_change_of_a_workflow_is_told_by_whom_and_when(office: Office) -> None:
    path, owner = f"workflows/{office.ids['workflow']}/", office.caller("owner")
    change = {"conditions": {"priority": 5}, "version": 1}
    assert office.caller("admin").send("patch", path, change).json()["version"] == 2
    late = owner.send("patch", path, {"conditions": {"priority": 6}, "version": 1})
    said = late.json()
    assert (late.status_code, said["code"], said["version"], said["seen"]) == (409, "stale_version", 2, 1)
    assert said["changed_by"] == office.world.people["admin"].get_full_name()
    assert (said["changed_role"], said["changed_at"][:4]) == ("admin", str(now().year))
    assert owner.send("patch", path, {"conditions": {"priority": 6}}).status_code == 400


def test_put_forgets_what_it_does_not_name(office: Office) -> None:
    path, owner = f"workflows/{office.ids['workflow']}/", office.caller("owner")
    owner.send("patch", path, {"conditions": {"priority": 5, "channels": ["email"]}, "version": 1})
    levels = [{"approvers": [{"type": "role", "value": "owner"}]}]
    found = owner.send("put", path, {"name": "New", "levels": levels, "version": 2}).json()
    assert (found["name"], found["priority"], found["channels"], found["is_default"]) == ("New", 0, [], False)


@pytest.mark.parametrize("part", ["group", "calendar", "cap"])
def test_overtaken_change_of_a_part_is_refused(office: Office, part: str) -> None:
    body = {"name": "New", "people": [], "zone": "UTC", "week": {"mon": [["09:00", "17:00"]]}, "amount": "6.00"}
    body, method = {**body, "version": 1}, "patch" if part == "cap" else "put"
    path, owner = f"{part}s/{office.ids[part]}/", office.caller("owner")
    assert [owner.send(method, path, body).status_code for _ in range(2)] == [200, 409]


def test_kinds_name_the_fields_that_may_be_edited(office: Office) -> None:
    found = {row["key"]: row for row in office.caller("owner").get("action-kinds/").json()["results"]}
    assert found[KIND]["editable"] == ["budget", "campaign", "reach"]


def test_kinds_are_read_page_by_page(office: Office) -> None:
    caller = office.caller("owner")
    whole = [row["key"] for row in caller.get("action-kinds/").json()["results"]]
    page = caller.get("action-kinds/", limit=2)
    found = [row["key"] for row in page.json()["results"]]
    while page.json()["next"]:
        page = caller.next(page)
        found += [row["key"] for row in page.json()["results"]]
    assert found == whole == sorted(whole)
    assert len(whole) > 2
