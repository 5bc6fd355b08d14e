"""Tampering with the audit is told by the API and by both commands, at its first bad entry."""

from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from core.audit import chain
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.models import Approval
from tests.api.office import Office, build_office
from tests.database.tampering import KINDS, first_bad, tamper, tamper_with_history
from tests.world import build_world

pytestmark = pytest.mark.slow

Tamper = Callable[[str], None]


class _Undone(Exception):
    """What was tampered with is as before."""


@pytest.fixture
def office(db: None) -> Office:
    """An office of each test's own: the owner reconnects for the module."""
    return build_office(build_world())


def _approved(office: Office) -> Approval:
    asked = office.propose("Two")
    with tenant_scope(office.world.acme.pk):
        signer = office.world.actor("approver")
        return services.decide(actor=signer, approval_id=asked.pk, verdict="approve", digest=asked.digest)


def _told(command: str) -> str:
    output = StringIO()
    with pytest.raises(CommandError):
        call_command(command, "--tenant", "acme", stdout=output)
    return output.getvalue()


def test_every_kind_of_tampering_is_told_everywhere(office: Office, tampering: Tamper) -> None:
    approval, caller = _approved(office), office.caller("compliance")
    with tenant_scope(office.world.acme.pk):
        first = chain.chain_of("hitl.approval", approval.pk)[0].seq
    for kind in KINDS:
        bad = first_bad(kind, first)
        with suppress(_Undone), transaction.atomic():
            with tenant_scope(office.world.acme.pk):
                tamper_with_history(office.world.acme.pk, kind, first)
            found = caller.get("audit/verify/").json()
            assert (found["ok"], found["first_bad"]) == (False, bad), kind
            assert f"acme: BROKEN at entry {bad}: " in _told("verify_audit"), kind
            assert f"acme: {approval.reference}: " in _told("verify_approvals"), kind
            raise _Undone
    assert caller.get("audit/verify/").json()["ok"]


@pytest.mark.parametrize(("column", "value"), [("state", "executed"), ("version", 7), ("revision", 2)])
def test_row_that_says_more_than_its_audit_is_named(office: Office, tampering: Tamper, column: str, value: Any) -> None:
    approval = _approved(office)
    with tenant_scope(office.world.acme.pk):
        tamper(f"update hitl_approval set {column} = '{value}' where id = '{approval.pk}'")
    assert f"acme: {approval.reference}: the row says " in _told("verify_approvals")
    assert office.caller("compliance").get("audit/verify/").json()["ok"]
