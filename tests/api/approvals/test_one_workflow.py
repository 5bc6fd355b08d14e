"""A right on one workflow over the API: that one and no other, by session and by key."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.services import add_member
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.models import ApprovalWorkflow
from tests.api.office import V1, Office
from tests.world import OPERATOR

pytestmark = pytest.mark.django_db
VIEW, MANAGE = "hitl.view_approvalworkflow", "hitl.manage_workflow"
LEVELS = [{"approvers": [{"type": "role", "value": "owner"}]}]


class Member:
    """A person who uses the API with their session."""

    def __init__(self, office: Office, role: str) -> None:
        self.client = Client()
        self.client.force_login(office.world.people[role], backend="accounts.backends.RoleBackend")

    def asks(self, method: str, path: str, body: Any = None) -> Any:
        """Send JSON to an address below `/api/v1/`."""
        return getattr(self.client, method)(V1 + path, body, content_type="application/json")


@pytest.fixture
def flow(office: Office) -> str:
    """A workflow that members of support were given, beside the default."""
    with tenant_scope(office.world.acme.pk):
        made = services.create_workflow(actor=OPERATOR, name="Shared", levels=LEVELS)
    assert share(office, made.pk, "support").json() == {"roles": ["support"]}
    return f"workflows/{made.pk}/"


def share(office: Office, workflow_id: Any, *roles: str) -> Any:
    return office.caller("owner").send("put", f"workflows/{workflow_id}/sharing/", {"roles": list(roles)})


def change(version: int = 1) -> dict[str, Any]:
    return {"conditions": {"reminder_max": 7}, "version": version}


@pytest.mark.slow
def test_member_sees_and_changes_the_one_he_was_given_and_no_other(office: Office, flow: str) -> None:
    member, other = Member(office, "support"), f"workflows/{office.ids['workflow']}/"
    assert [row["name"] for row in member.asks("get", "workflows/").json()["results"]] == ["Shared"]
    assert [member.asks("get", path).status_code for path in (flow, other)] == [200, 403]
    changed = member.asks("patch", flow, change())
    assert (changed.status_code, changed.json()["reminder_max"]) == (200, 7)
    assert member.asks("patch", other, change()).status_code == 403


@pytest.mark.slow
def test_member_does_not_widen_what_he_was_given(office: Office, flow: str) -> None:
    member = Member(office, "support")
    wish = {"conditions": {"is_default": True, "priority": 999}, "version": 1}
    answers = [member.asks("patch", flow, wish), member.asks("post", f"{flow}revise/", wish)]
    answers.append(member.asks("put", flow, {**wish, "name": "All", "levels": LEVELS}))
    assert [(answer.status_code, list(answer.json()["fields"])) for answer in answers] == [(403, ["is_default"])] * 3
    assert [member.asks("post", f"{flow}{verb}/").status_code for verb in ("retire", "restore")] == [403, 403]
    with tenant_scope(office.world.acme.pk):
        assert ApprovalWorkflow.objects.get(name="Shared").version == 1
    again = {"name": "Ours", "levels": LEVELS, "version": 1}
    assert member.asks("put", flow, again).status_code == 200


@pytest.mark.slow
def test_member_who_was_given_one_makes_no_new_one_and_shares_none(office: Office, flow: str) -> None:
    member = Member(office, "support")
    made = member.asks("post", "workflows/", {"name": "Own", "levels": LEVELS})
    shared = member.asks("put", f"{flow}sharing/", {"roles": ["viewer"]})
    assert (made.status_code, shared.status_code) == (403, 403)


def test_colleague_of_another_role_gets_nothing(office: Office, flow: str) -> None:
    member = Member(office, "viewer")
    assert [member.asks("get", path).status_code for path in (flow, "workflows/")] == [403, 403]


@pytest.mark.slow
def test_right_that_is_taken_back_is_gone_at_once(office: Office, flow: str) -> None:
    member = Member(office, "support")
    share(office, flow.split("/")[1])
    answers = [member.asks("get", flow), member.asks("patch", flow, change()), member.asks("get", "workflows/")]
    assert [answer.status_code for answer in answers] == [403, 403, 403]


def test_right_goes_with_the_role(office: Office, flow: str) -> None:
    with tenant_scope(office.world.acme.pk):
        add_member(actor=OPERATOR, user=office.world.people["support"], role="viewer")
        add_member(actor=OPERATOR, user=office.world.people["viewer"], role="support")
    assert Member(office, "support").asks("get", flow).status_code == 403
    assert Member(office, "viewer").asks("patch", flow, change()).status_code == 200


def test_member_of_another_organisation_gets_nothing(office: Office, flow: str) -> None:
    for role, status in (("support", 403), ("owner", 404)):
        client = Client()
        client.force_login(office.world.outsiders[role], backend="accounts.backends.RoleBackend")
        assert client.get(V1 + flow).status_code == status
        assert client.patch(V1 + flow, change(), content_type="application/json").status_code == status


@pytest.mark.parametrize(
    ("scopes", "statuses"),
    [([VIEW, MANAGE], [200, 200, 200]), ([VIEW], [403, 403, 403]), (["hitl.view_approval"], [403, 403, 403])],
)
def test_key_does_no_more_than_it_names(office: Office, flow: str, scopes: list[str], statuses: list[int]) -> None:
    caller = office.caller("support", scopes)
    answers = [caller.get("workflows/"), caller.get(flow), caller.send("patch", flow, change())]
    assert [answer.status_code for answer in answers] == statuses
    other = caller.send("patch", f"workflows/{office.ids['workflow']}/", change())
    assert other.status_code == 403


@pytest.mark.parametrize(("roles", "code"), [(["admin"], "invalid"), (["nobody"], "invalid"), ("support", "invalid")])
def test_role_that_cannot_be_given_one_is_named(office: Office, flow: str, roles: Any, code: str) -> None:
    answer = office.caller("owner").send("put", f"{flow}sharing/", {"roles": roles})
    assert (answer.status_code, answer.json()["code"], list(answer.json()["fields"])) == (400, code, ["roles"])


def test_sharing_is_in_the_audit_by_who_did_it(office: Office, flow: str) -> None:
    with tenant_scope(office.world.acme.pk):
        entry = AuditEntry.objects.get(action="OBJECT_RIGHT_GIVEN")
        assert entry.facts == {"role": "support", "permission": MANAGE}
        assert (entry.actor_user_id, str(entry.object_id)) == (office.ids["owner"], flow.split("/")[1])


def test_console_shows_the_one_workflow_to_who_was_given_it(office: Office, flow: str) -> None:
    client = Member(office, "support").client
    page = client.get(reverse("admin:hitl_approvalworkflow_changelist"))
    assert [row.name for row in page.context["cl"].result_list] == ["Shared"]
    one = reverse("admin:hitl_approvalworkflow_change", args=[office.ids["workflow"]])
    assert client.get(one).status_code == 404
    assert Member(office, "viewer").client.get(reverse("admin:hitl_approvalworkflow_changelist")).status_code == 403


def test_page_asks_once_for_rights_however_many_buttons_there_are(office: Office) -> None:
    client = Member(office, "approver").client
    path = reverse("admin:hitl_approvalworkflow_change", args=[office.ids["workflow"]])
    client.get(path)
    with CaptureQueriesContext(connection) as caught:
        assert client.get(path).status_code == 200
    assert len([row for row in caught.captured_queries if "guardian_groupobjectpermission" in row["sql"]]) == 1
