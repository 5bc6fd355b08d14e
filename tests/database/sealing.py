"""Prepare rows that no service would write, sealed as if one had."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from core.actors import system
from hitl.approvals.integrity.seals import seal_as_stored
from hitl.models import Approval
from hitl.seals import rules


def seal(*approvals: Approval) -> None:
    """Seal approvals as they are stored now."""
    seal_as_stored([approval.pk for approval in approvals], system("tests"))


def rewrite(rows: QuerySet[Any], **columns: Any) -> None:
    """Change columns of approvals, or of their rows, and seal them."""
    key = "pk" if rows.model is Approval else "approval_id"
    ids: list[UUID] = sorted(set(rows.values_list(key, flat=True)))
    rows.update(**columns)
    seal_as_stored(ids, system("tests"))


def seal_rules() -> None:
    """Seal the rules that a test wrote straight into the tables, in the tenant's scope."""
    with transaction.atomic():
        rules.seal_as_stored(system("tests"))
