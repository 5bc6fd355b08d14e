"""Evidence in the console: exported by its form, as a page that reads and prints well."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from core.clock import now
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.evidence import periods
from hitl.evidence.export import export_approval
from hitl.evidence.periods import export_period, read_register
from hitl.models import Approval, EvidenceExport
from tests.console.scene import add_workflow, ask
from tests.edge.browser import keep_picture, serious
from tests.world import World, prove

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
A4 = {"width": 794, "height": 1123}
PHONE = {"width": 390, "height": 844}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return prove(client)


def decided(world: World) -> Approval:
    add_workflow(world)
    approval = ask(world, origin={"notes": "Call ana@customer.example first"})
    actor = world.actor("approver")
    return services.decide(
        actor=actor, approval_id=approval.pk, verdict="approve", digest=approval.digest, reason="Within the plan"
    )


def test_evidence_is_exported_by_a_form_and_in_clear_only_with_a_reason(world: World) -> None:
    with tenant_scope(world.acme.pk):
        approval = decided(world)
    client, path = signed_in(world.people["compliance"]), f"/admin/hitl/approval/{approval.pk}/evidence/"
    answer = client.post(path, {"format": "json"})
    assert answer.headers["Content-Disposition"] == f'attachment; filename="walker-evidence-{approval.reference}.json"'
    assert json.loads(answer.content)["header"]["personal_data"] == "masked"
    refused = client.post(path, {"format": "html", "in_clear": "on"})
    assert refused.status_code == 400
    assert "Give a reason" in refused.content.decode()
    shown = client.post(path, {"format": "html", "in_clear": "on", "reason": "The regulator asks for it"})
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert "Exported" in shown.content.decode()
    assert signed_in(world.people["viewer"]).get(path).status_code == 403
    assert signed_in(world.outsiders["owner"]).post(path, {"format": "json"}).status_code == 404


def test_period_is_exported_watched_and_downloaded(world: World) -> None:
    with tenant_scope(world.acme.pk):
        approval = decided(world)
    client, pages = signed_in(world.people["compliance"]), "/admin/hitl/evidenceexport/"
    today = f"{now():%Y-%m-%d}"
    bad = client.post(f"{pages}new/", {"since": "2020-01-01", "until": "2020-01-02"})
    assert (bad.status_code, "Nothing was requested" in bad.content.decode()) == (422, True) or bad.status_code == 400
    assert client.post(f"{pages}new/", {"since": today, "until": today}).status_code == 302
    with tenant_scope(world.acme.pk):
        export = EvidenceExport.objects.get()
        page = f"{pages}{export.pk}/"
        answer = client.get(page)
        assert answer.headers["Refresh"] == "3"
        assert "0 of 1" in answer.content.decode()
        assert client.post(f"{page}file/").status_code == 409
        while periods.work_on(export.pk):
            pass
    packed = client.post(f"{page}file/")
    assert b"".join(packed.streaming_content)[:2] == b"\x1f\x8b"  # type: ignore[attr-defined]
    assert approval.reference in client.post(f"{page}register/").content.decode()
    assert "Download the verifier" in client.get(page).content.decode()
    assert signed_in(world.outsiders["owner"]).post(f"{page}file/").status_code == 404


@pytest.mark.browser
def test_page_of_evidence_reads_and_prints_well(world: World, chromium: Any, tmp_path: Path) -> None:
    with tenant_scope(world.acme.pk):
        approval = decided(world)
        actor = world.actor("compliance")
        one = export_approval(actor=actor, approval_id=approval.pk, format="html").content.decode()
        export = export_period(actor=actor, since=now() - timedelta(days=1), until=now())
        while periods.work_on(export.pk):
            pass
        evidence, digest = read_register(actor=actor, export_id=export.pk)
    from hitl.evidence import page as evidence_page

    page = chromium.new_page(viewport=A4)
    for name, text in (("evidence", one), ("evidence-period", evidence_page.render(evidence, digest))):
        assert "<script" not in text
        # A page that forbids itself scripts can't be looked at by axe.
        page.set_content(text.replace('http-equiv="Content-Security-Policy"', 'name="left-out"'))
        page.emulate_media(media="screen")
        assert serious(page, least="minor") == []
        keep_picture(page, name)
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.set_viewport_size(A4)
        page.emulate_media(media="print")
        keep_picture(page, f"{name}-print")
        assert page.evaluate("document.documentElement.scrollWidth") <= A4["width"]
        pdf = page.pdf(path=str(tmp_path / f"{name}.pdf"), prefer_css_page_size=True)
        assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") + pdf.count(b"/Type/Page/") >= 1
    page.close()
