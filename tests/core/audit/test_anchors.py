"""Anchors of the audit log outside the database: written, retried, and compared with the chain."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client

from accounts.models import Notice
from core.actors import system
from core.amazon import Signer
from core.audit import anchor_places, anchors, chain
from core.db.roles import as_owner
from core.models import AnchorDelivery, AuditAnchor, AuditEntry, AuditHead
from core.tasks import sweep_audit_logs
from core.tenancy.scope import tenant_scope
from tests.database.tampering import tamper_with_history
from tests.edge.object_store import KEY, Store, open_store
from tests.world import World

pytestmark = pytest.mark.django_db


@transaction.atomic
def record(count: int = 3) -> None:
    for number in range(count):
        chain.record(actor=system("t"), action="X", object_type="t", object_id=uuid4(), facts={"n": number})


@pytest.fixture
def store(settings: Any) -> Iterator[Store]:
    with open_store() as kept:
        kept.url = f"{kept.url}/evidence/walker audit"
        settings.AUDIT_ANCHOR_STORE, settings.AUDIT_ANCHOR_STORE_KEY = kept.url, ":".join(KEY)
        yield kept


def test_every_entry_leads_to_the_root_of_a_signed_anchor(acme: World) -> None:
    record(7)
    anchors.extend()
    assert anchors.extend() is not None  # nothing new: nothing is written
    record(1)
    anchors.extend()
    assert AuditAnchor.objects.count() == 2
    assert [*anchors.stored_problems()] == []
    for entry in AuditEntry.objects.order_by("seq"):
        (anchor,) = anchors.covering([entry.seq])
        node, place, count = anchors.leaf_of(entry), entry.seq - anchor.first, anchor.last - anchor.first + 1
        leaves = [
            anchors.leaf_of(each) for each in AuditEntry.objects.filter(seq__gte=anchor.first).order_by("seq")[:count]
        ]
        assert len(leaves) == count
        assert len(anchors.path_to(anchor, entry.seq)) <= count.bit_length()
        assert node == leaves[place]
        assert anchors.tree_root(leaves).hex() == anchor.root


def test_root_is_that_of_the_standard() -> None:
    # RFC 9162 gives no hashes; these are of Certificate Transparency's own tests of the same tree.
    leaves = [anchors.tree_leaf(bytes.fromhex(text)) for text in ("", "00", "10", "2021", "3031", "40414243")]
    assert anchors.tree_root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert anchors.tree_root(leaves[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert anchors.tree_root(leaves).hex() == "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"


@pytest.mark.parametrize("kind", ["byte", "delete", "swap", "rewrite"])
def test_broken_chain_is_not_anchored_and_those_who_read_the_log_are_told_once(
    acme: World, tampering: Callable[[str], None], kind: str
) -> None:
    record(5)
    at = AuditHead.objects.get().seq - 2
    tamper_with_history(acme.acme.pk, kind, at)
    for _ in range(2):
        anchor_places.anchor_tenant()
    assert not AuditAnchor.objects.exists()
    row = AnchorDelivery.objects.get(place="chain")
    assert f"entry {at}" in row.problem
    assert Notice.objects.filter(kind="audit_anchor", person=acme.people["compliance"]).count() == 1


@pytest.mark.slow
def test_sweep_writes_each_anchor_once_to_every_place_and_goes_on_after_a_failure(
    committed_world: World, store: Store, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AUDIT_ANCHOR_FILE, settings.AUDIT_ANCHOR_LOG = str(tmp_path / "anchors"), True
    settings.AUDIT_ANCHOR_STORE_LOCK_DAYS = 365
    store.status = 503
    for tenant in (committed_world.acme, committed_world.globex):
        with tenant_scope(tenant.pk):
            anchor_places.anchor_tenant()
            failing = AnchorDelivery.objects.get(place="store")
            assert failing.failing_since
            assert "503" in failing.problem
            assert AnchorDelivery.objects.get(place="file").delivered == 1
            assert Notice.objects.filter(kind="audit_anchor").count() == 3  # owner, admin, compliance
    assert anchor_places.count_failing() == 2
    gauges = Client().get("/readyz", headers={"authorization": f"Bearer {settings.METRICS_TOKEN}"}).json()
    if "gauges" in gauges:
        assert gauges["gauges"]["walker_audit_anchors_failing"]["late"]
    store.status = 0
    with tenant_scope(committed_world.acme.pk):
        record()
        anchor_places.anchor_tenant()
        anchor_places.anchor_tenant()
        lines = (tmp_path / "anchors").read_text().splitlines()
        mine = [each for each in map(json.loads, lines) if each["tenant"] == str(committed_world.acme.pk)]
        assert [each["number"] for each in mine] == [1, 2]
        assert [json.loads(body) for body in store.objects.values()] == mine
        assert all(anchors.is_signed(each) for each in mine)
        assert not AnchorDelivery.objects.exclude(failing_since=None).exists()
    assert store.headers[0]["x-amz-object-lock-mode"] == "COMPLIANCE"
    logged = [json.loads(line.message) for line in caplog.records if line.name == "walker.audit_anchor"]
    assert [each["anchor"] for each in logged if each["anchor"]["tenant"] == str(committed_world.acme.pk)] == mine
    # The answer of the first attempt was lost: the object is there, and the attempt counts.
    with tenant_scope(committed_world.acme.pk):
        AnchorDelivery.objects.filter(place="store").update(delivered=0)
        anchor_places.anchor_tenant()
        assert AnchorDelivery.objects.get(place="store").delivered == 2
        # Somebody wrote that anchors are there which nobody made yet.
        AnchorDelivery.objects.filter(place="store").update(delivered=9)
        record()
        anchor_places.anchor_tenant()
        assert (len(store.objects), AnchorDelivery.objects.get(place="store").delivered) == (3, 3)
        assert Notice.objects.filter(body__contains="More counted as written").exists()
    assert sweep_audit_logs.name == "core.tasks.sweep_audit_logs"
    assert {committed_world.acme.pk, committed_world.globex.pk} <= set(anchor_places.tenants())


def test_request_to_the_store_is_signed_as_amazon_says() -> None:
    headers = {
        "date": "Fri, 24 May 2013 00:00:00 GMT",
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }
    signer = Signer("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3")
    signed = signer.authorization("PUT", "/test%24file.text", headers, datetime(2013, 5, 24, tzinfo=UTC))
    assert signed.endswith("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")


CUT = """
alter table core_auditentry disable trigger walker_append_only;
alter table core_audithead disable trigger core_guard_audithead;
alter table core_auditanchor disable trigger walker_append_only;
delete from core_auditanchor where tenant_id = '{tenant}' and last > {last};
delete from core_auditentry where tenant_id = '{tenant}' and seq > {last};
update core_audithead h set seq = e.seq, hash = e.hash from core_auditentry e
 where h.tenant_id = e.tenant_id and e.tenant_id = '{tenant}' and e.seq = {last};
alter table core_audithead enable always trigger core_guard_audithead;
alter table core_auditentry enable always trigger walker_append_only;
alter table core_auditanchor enable always trigger walker_append_only;
"""


def _verified(**where: str) -> str:
    output = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_audit", stdout=output, **where)
    return output.getvalue()


@pytest.mark.slow
def test_anchors_kept_elsewhere_find_what_the_database_no_longer_shows(
    committed_world: World, settings: Any, tmp_path: Path
) -> None:
    kept = tmp_path / "anchors"
    settings.AUDIT_ANCHOR_FILE = str(kept)
    tenant = committed_world.acme.pk
    with tenant_scope(tenant):
        anchor_places.anchor_tenant()
        first = AuditHead.objects.get().seq
        record()
        anchor_places.anchor_tenant()
    call_command("verify_audit", anchors=str(kept), stdout=StringIO())
    lines = kept.read_text().splitlines()
    # A line of the file that was changed, one left out in the middle is no fault, one that is no anchor.
    changed = {**json.loads(lines[1]), "head": "0" * 64}
    forged = tmp_path / "forged"
    forged.write_text(f"{lines[0]}\n{json.dumps(changed)}\n")
    assert "anchor 2: its signature is not of this installation" in _verified(anchors=str(forged))
    forged.write_text("{}\n")
    with pytest.raises(CommandError, match="Line 1"):
        call_command("verify_audit", anchors=str(forged), stdout=StringIO())
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(CUT.format(tenant=tenant, last=first))
    for where in ({}, {"anchors": str(kept)}):  # the file that the worker writes is read without being asked for
        assert f"anchor 2: entries {first + 1} to {first + 3} are not all there" in _verified(**where)
    settings.AUDIT_ANCHOR_FILE = str(tmp_path / "elsewhere")
    told = StringIO()
    call_command("verify_audit", stdout=StringIO(), stderr=told)  # nothing inside the database shows it
    assert "not compared with anchors outside the database" in told.getvalue()
    settings.AUDIT_ANCHOR_FILE = str(kept)
    with tenant_scope(tenant):
        record()
        anchor_places.anchor_tenant()
    assert "are not those that were anchored" in _verified(anchors=str(kept))


def test_stored_anchor_that_was_changed_is_named(acme: World, tampering: Callable[[str], None]) -> None:
    record()
    anchors.extend()
    tampering(
        "alter table core_auditanchor disable trigger walker_append_only;"
        f"update core_auditanchor set head = root where tenant_id = '{acme.acme.pk}';"
        "alter table core_auditanchor enable always trigger walker_append_only"
    )
    assert [*anchors.stored_problems()] == [("anchor 1", "it was changed")]
