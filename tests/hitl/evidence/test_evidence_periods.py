"""Evidence of a period: written part by part, verified as a whole, kept for a while."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.models import Membership
from accounts.privacy.erasure import erase_member
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.privacy import signing
from core.tenancy.scope import tenant_scope
from hitl import tasks
from hitl.evidence import periods
from hitl.evidence import verify_evidence as verifier
from hitl.evidence.periods import export_period, read_period, read_register, stop_export
from hitl.models import EvidenceExport, EvidencePart
from tests.database.tampering import FORGED_VOTE
from tests.erasure.scene import finish, strong
from tests.hitl.kit.scene import BLUE, Scene

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "AT_ONCE", 2)


def start(scene: Scene, **options: Any) -> EvidenceExport:
    period = {"since": now() - DAY, "until": now() + DAY, **options}
    return export_period(actor=scene.actor("compliance"), **period)


def finished(scene: Scene) -> EvidenceExport:
    export = start(scene)
    while periods.work_on(export.pk):
        pass
    export.refresh_from_db()
    return export


def read(scene: Scene, export: EvidenceExport) -> bytes:
    return b"".join(read_period(actor=scene.actor("compliance"), export_id=export.pk))


def wrong(tmp_path: Path, raw: bytes) -> list[tuple[str, str]]:
    path = tmp_path / "period"
    path.write_bytes(raw)
    return list(verifier.verify_file(verifier.Checks(signing.public_key().fingerprint, {}, {}), path))


def asked(scene: Scene) -> None:
    for params in (None, BLUE):
        scene.decide(scene.propose(**({"params": params} if params else {})))
    scene.propose()


def test_period_is_written_in_parts_and_verified_as_a_whole(scene: Scene, tmp_path: Path) -> None:
    asked(scene)
    export = finished(scene)
    assert (export.state, export.written, export.total, export.wrong) == ("done", 3, 3, 0)
    assert export.parts.count() == 3  # two requests, one, and the list
    raw = read(scene, export)
    path = tmp_path / "evidence.jsonl.gz"
    path.write_bytes(raw)
    options = [sys.executable, "-I", "-S", verifier.__file__, str(path), "--fingerprint"]
    done = subprocess.run([*options, signing.public_key().fingerprint], capture_output=True, text=True, check=False)
    assert done.returncode == verifier.GOOD, done.stdout
    lines = gzip.decompress(raw).splitlines()
    listed = json.loads(lines[-1])["content"]["records"]
    assert [json.loads(line)["header"]["reference"] for line in lines[:-1]] == [row["reference"] for row in listed]
    actions = ["EVIDENCE_PERIOD_REQUESTED", "EVIDENCE_PERIOD_EXPORTED", "EVIDENCE_PERIOD_READ"]
    told = AuditEntry.objects.filter(object_type="hitl.evidence", object_id=export.pk).order_by("seq")
    assert [entry.action for entry in told] == actions
    register, digest = read_register(actor=scene.actor("compliance"), export_id=export.pk)
    assert (len(register["content"]["records"]), digest) == (3, export.sha256)


def _swap(lines: list[bytes]) -> list[bytes]:
    return [lines[1], lines[0], *lines[2:]]


def _drop(lines: list[bytes]) -> list[bytes]:
    return [lines[0], *lines[2:]]


def _cut(lines: list[bytes]) -> list[bytes]:
    return lines[:-1]


def _byte(lines: list[bytes]) -> list[bytes]:
    return [lines[0].replace(b'"amount":"5.00"', b'"amount":"6.00"'), *lines[1:]]


def _double(lines: list[bytes]) -> list[bytes]:
    return [lines[0], *lines]


def _blank(lines: list[bytes]) -> list[bytes]:
    return [lines[0], b"", *lines[1:]]


@pytest.mark.parametrize(
    ("tamper", "name"),
    [
        (_blank, "record 2: file"), (_swap, "record 1"), (_drop, "record 2"), (_cut, "record 3"),
        (_byte, "record 1: "), (_double, "record 2"),
    ],
)  # fmt: skip
def test_tampering_with_a_period_is_found_and_named(
    scene: Scene, tmp_path: Path, tamper: Callable[[list[bytes]], list[bytes]], name: str
) -> None:
    asked(scene)
    raw = gzip.decompress(read(scene, finished(scene)))
    assert wrong(tmp_path, raw) == []
    found = wrong(tmp_path, b"".join(line + b"\n" for line in tamper(raw.splitlines())))
    assert found[0][0].startswith(name), found
    # The list alone is signed as well: it is no evidence of an approval, and a record is no list.
    lines = raw.splitlines()
    assert wrong(tmp_path, lines[-1])[0][0] == "file"
    assert wrong(tmp_path, lines[0] + b"\n" + lines[0] + b"\n")[-1][0] == "record 2"
    packed = gzip.compress(raw)
    assert wrong(tmp_path, packed[: len(packed) // 2])[-1] == ("file", "it was cut or damaged: it can't be unpacked")


def test_bad_periods_are_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Invalid, match="Nothing was requested"):
        start(scene)
    scene.propose()
    with pytest.raises(Invalid, match="before it begins"):
        start(scene, until=now() - 2 * DAY)
    with pytest.raises(Refused):
        export_period(actor=scene.actor("approver"), since=now() - DAY, until=now())
    scene.propose(params=BLUE)
    monkeypatch.setattr(periods, "MOST", 1)
    with pytest.raises(Invalid, match="more than 1 requests"):
        start(scene)
    with tenant_scope(scene.world.globex.pk), pytest.raises(Invalid, match="Nothing was requested"):
        export_period(actor=scene.world.outsider("owner"), since=now() - DAY, until=now() + DAY)


def test_stopped_export_writes_no_more_and_keeps_nothing(scene: Scene) -> None:
    asked(scene)
    export = start(scene)
    assert periods.work_on(export.pk)
    with pytest.raises(Conflict):
        read(scene, export)
    with tenant_scope(scene.world.globex.pk), pytest.raises(NotFound):
        stop_export(actor=scene.world.outsider("owner"), export_id=export.pk)
    stop_export(actor=scene.actor("owner"), export_id=export.pk)
    assert not periods.work_on(export.pk)
    assert not EvidencePart.objects.exists()
    with pytest.raises(Conflict):
        stop_export(actor=scene.actor("owner"), export_id=export.pk)


def test_lost_export_is_taken_up_again_and_an_old_file_is_removed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(scene)
    export = start(scene)
    periods.work_on(export.pk)
    assert periods.list_left() == []
    later = now() + timedelta(minutes=2)
    assert [key for _, key in periods.list_left(now=later)] == [export.pk]
    tasks.write_evidence(str(scene.world.acme.pk), str(export.pk))
    export.refresh_from_db()
    assert export.state == "done"
    week = now() + timedelta(days=8)
    assert periods.tenants_with_old_files(now=week) == [scene.world.acme.pk]
    assert periods.remove_old_files(now=week) == 1
    assert not EvidencePart.objects.exists()
    with pytest.raises(Conflict, match="was removed"):
        read(scene, export)


def test_request_that_was_changed_outside_is_counted_and_named(scene: Scene, tmp_path: Path) -> None:
    asked(scene)
    approval = scene.propose(params={**BLUE, "button": "green"})
    statement = FORGED_VOTE.format(person=scene.user_id("approver"), approval=approval.pk)
    with connection.cursor() as cursor:
        cursor.execute(statement)
    export = finished(scene)
    assert export.wrong == 1
    names = [name for name, _ in wrong(tmp_path, read(scene, export))]
    assert names
    assert all(name.startswith("record 4: ") for name in names)


def test_erasing_a_person_removes_kept_files_and_the_next_export_verifies(scene: Scene, tmp_path: Path) -> None:
    asked(scene)
    before = finished(scene)
    taken = read(scene, before)
    membership = Membership.objects.get(user=scene.world.people["approver"])
    finish(erase_member(actor=strong(scene.actor("owner")), membership_id=membership.pk, reason="asked_for").pk)
    before.refresh_from_db()
    assert before.state == "removed"
    assert not EvidencePart.objects.exists()
    assert wrong(tmp_path, taken) == []
    after = read(scene, finished(scene))
    assert wrong(tmp_path, after) == []
    assert b"Approver Acme" in gzip.decompress(taken)
    assert b"Approver Acme" not in gzip.decompress(after)
    assert b"Erased person" in gzip.decompress(after)
