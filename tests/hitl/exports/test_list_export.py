"""The list of approvals as a file: narrowed as the list is, masked, safe in spreadsheets, bounded and recorded."""

import csv
import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from core.errors import Refused, TooMany
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from core.text.tables import safe_cell
from hitl.approvals.decide.flags import set_flag
from hitl.exports import approvals as exports
from hitl.exports.approvals import export_list
from hitl.models import Approval
from hitl.policy.limits.flags import create_flag
from hitl.selectors import query_approvals
from tests.api.office import PHONE, Office
from tests.database.sealing import rewrite
from tests.hitl.kit.effects import Effects
from tests.hitl.kit.hall import Hall, build_hall
from tests.hitl.kit.scene import BLUE, Scene
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
LIST, EXPORT = "admin:hitl_approval_changelist", "admin:hitl_approval_export"


@pytest.fixture
def hall(world: World, effects: Effects) -> Hall:
    return build_hall(world, effects)


def table(answer: Any) -> list[dict[str, str]]:
    raw = answer.getvalue()
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(StringIO(raw.decode("utf-8-sig"), newline="")))


def flagged(hall: Hall) -> Approval:
    """Return a decided request with a flag beside one that waits without."""
    hall.begin("pending")
    approval = hall.begin("approved", "green")
    with tenant_scope(hall.world.acme.pk):
        create_flag(actor=hall.world.actor("owner"), name="pep", label="Politically exposed")
        officer = hall.world.actor("compliance")
        set_flag(actor=officer, approval_id=approval.pk, flag="pep", reason="Sanctions list")
    return approval


def test_list_over_the_api_is_exported_with_filters_order_and_labels_of_flags(hall: Hall) -> None:
    approval, caller = flagged(hall), Office(hall.world).caller("compliance")
    answer = caller.get("approvals/export/", flag="pep")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="walker-approvals-')
    (row,) = table(answer)
    assert list(row) == list(exports.COLUMNS)
    people = hall.world.people
    said = {
        "reference": approval.reference,
        "state": "approved",
        "flags": "Politically exposed",
        "requester": people["support"].get_full_name(),
        "decided_by": people["approver"].get_full_name(),
        "outcome": "approved",
        "cost": str(approval.cost or ""),
    }
    assert {name: row[name] for name in said} == said
    assert row["created_at"].endswith("Z")
    for ordering in ("age", "-age"):
        lines = caller.get("approvals/export/", ordering=ordering, format="jsonl").getvalue().splitlines()
        listed = caller.get("approvals/", ordering=ordering).json()["results"]
        assert [json.loads(line)["reference"] for line in lines] == [each["reference"] for each in listed]
    assert json.loads(lines[-1])["flags"] in (["Politically exposed"], [])
    assert table(caller.get("approvals/export/", flag="unknown")) == []
    for query in ({"flag": ""}, {"colour": "red"}, {"format": "xlsx"}, {"state": "gone"}, {"limit": "5"}):
        assert caller.get("approvals/export/", **query).status_code == 400, query
    assert caller.get("approvals/export/", show_pii="true").json()["code"] == "no_grant"
    personal = caller.get("approvals/export/", q=PHONE)
    assert (personal.status_code, personal.json()["code"]) == (400, "personal_data")


def test_export_is_refused_without_the_right_and_never_passes_the_tenant_wall(hall: Hall) -> None:
    flagged(hall)
    office = Office(hall.world)
    assert office.caller("approver").get("approvals/export/").json()["code"] == "not_allowed"
    assert office.caller("compliance", ["hitl.view_approval"]).get("approvals/export/").status_code == 403
    assert office.caller("compliance", ["hitl.export_approval"]).get("approvals/export/").status_code == 403
    assert table(office.outsider().get("approvals/export/")) == []
    for role, status in (("approver", 403), ("support", 403), ("admin", 200), ("owner", 200), ("compliance", 200)):
        assert hall.browser(role).get(reverse(EXPORT)).status_code == status, role
    assert reverse(EXPORT) not in hall.browser("approver").get(reverse(LIST)).content.decode()


def test_console_exports_the_list_as_it_is_narrowed_and_sorted(hall: Hall) -> None:
    approval, browser = flagged(hall), hall.browser("compliance")
    query = "flag=pep&sort=-risk"
    page = browser.get(f"{reverse(LIST)}?{query}&p=1").content.decode()
    assert f'href="{reverse(EXPORT)}?{query.replace("&", "&amp;")}"' in page
    shown = browser.get(f"{reverse(EXPORT)}?{query}").content.decode()
    for words in ("Politically exposed", "Highest risk", "Open", "At most 10,000 requests"):
        assert words in shown, words
    answer = browser.post(f"{reverse(EXPORT)}?{query}", {"format": "csv"})
    assert [row["reference"] for row in table(answer)] == [approval.reference]
    assert len(table(browser.post(reverse(EXPORT), {"format": "csv"}))) == 2
    assert table(browser.post(f"{reverse(EXPORT)}?q=nothing", {"format": "csv"})) == []
    assert browser.post(f"{reverse(EXPORT)}?{query}", {"format": "xlsx"}).status_code == 400
    assert (
        browser.get(f"{reverse(EXPORT)}?colour=red").status_code
        == browser.get(f"{reverse(LIST)}?colour=red").status_code
    )
    with tenant_scope(hall.world.acme.pk):
        entries = AuditEntry.objects.filter(action="APPROVALS_EXPORTED").order_by("seq")
        assert [entry.facts for entry in entries] == [
            {"filters": ["flag", "sort"], "format": "csv", "requests": 1, "is_cut": False},
            {"filters": [], "format": "csv", "requests": 2, "is_cut": False},
            {"filters": ["q"], "format": "csv", "requests": 0, "is_cut": False},
        ]
        assert {entry.actor_user_id for entry in entries} == {hall.world.people["compliance"].pk}


def exported(scene: Scene, role: str = "admin", **options: Any) -> list[bytes]:
    actor = scene.actor(role)
    return list(export_list(actor=actor, rows=query_approvals(viewer=actor), **options).parts)


def test_summaries_are_masked_for_everyone_and_cells_are_no_formulas(scene: Scene) -> None:
    texts = [f"Call {PHONE}", '=HYPERLINK("http://x")', " @SUM(1)", "+1", "-1", "\t=1", "\r\n=1", "\uff1dA1", "Plain"]
    for number, text in enumerate(texts):
        made = scene.propose(params={**BLUE, "amount": f"{number + 1}.00"})
        rewrite(Approval.objects.filter(pk=made.pk), summary=text)
    User.objects.update(first_name="=cmd|' /C calc'!A0")
    rows = list(csv.reader(StringIO(b"".join(exported(scene)).decode("utf-8-sig"), newline="")))[1:]
    assert len(rows) == len(texts)
    cells = [cell for row in rows for cell in row if cell]
    assert [cell for cell in cells if cell.startswith("\t") or cell.lstrip()[:1] in "=+-@\uff1d"] == []
    summaries = [row[2] for row in rows]
    assert summaries[0] == "Plain"
    assert PHONE not in summaries[-1]
    lines = b"".join(exported(scene, format="jsonl")).decode().splitlines()
    assert [json.loads(line)["summary"] for line in lines][3:5] == ["\t=1", "-1"]
    assert PHONE not in "".join(lines)
    assert [safe_cell(value) for value in (None, [], ["a", "b"], "", Decimal("1.50"))] == ["", "", "a; b", "", "1.50"]


def test_export_is_cut_at_the_bound_and_says_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [scene.propose(params={**BLUE, "amount": f"{number}.00"}) for number in range(1, 6)]
    monkeypatch.setattr(exports, "MOST", 3)
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    parts = exported(scene)
    assert len(parts) == 4
    rows = list(csv.reader(StringIO(b"".join(parts).decode("utf-8-sig"), newline="")))
    assert [row[0] for row in rows[1:]] == [*(each.reference for each in made[:1:-1]), exports.CUT]
    assert {len(row) for row in rows} == {len(exports.COLUMNS)}
    assert json.loads(exported(scene, format="jsonl")[-1]) == {"note": exports.CUT}
    entry = AuditEntry.objects.filter(action="APPROVALS_EXPORTED").last()
    assert entry is not None
    assert (entry.facts["requests"], entry.facts["is_cut"]) == (3, True)


def test_queries_of_an_export_do_not_grow_with_its_rows(scene: Scene) -> None:
    counts = []
    for wanted in (2, 8):
        while Approval.objects.count() < wanted:
            scene.propose(params={**BLUE, "amount": f"{Approval.objects.count() + 1}.00"})
        with CaptureQueriesContext(connection) as sent:
            exported(scene)
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_exports_are_limited_by_the_hour_and_need_both_rights(scene: Scene, settings: Any) -> None:
    settings.EXPORTS_PER_HOUR = 2
    for _ in range(2):
        exported(scene)
    with pytest.raises(TooMany):
        exported(scene)
    exported(scene, "owner")
    with pytest.raises(Refused):
        exported(scene, "approver")
