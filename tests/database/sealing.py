"""Prepare rows that no service would write, sealed as if one had."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from core.actors import system
from hitl.approvals.integrity.seals import seal_as_stored
from hitl.models import Approval


def seal(*approvals: Approval) -> None:
    """Seal approvals as they are stored now."""
    seal_as_stored([approval.pk for approval in approvals], system("tests"))


def rewrite(rows: QuerySet[Any], **columns: Any) -> None:
    """Change columns of approvals, or of their rows, and seal them."""
    key = "pk" if rows.model is Approval else "approval_id"
    ids: list[UUID] = sorted(set(rows.values_list(key, flat=True)))
    rows.update(**columns)
    seal_as_stored(ids, system("tests"))
