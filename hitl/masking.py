"""Approvers see the original text of a request; everyone else sees it masked."""

from typing import Any

from core.actors import Actor
from hitl.domain.permissions import DECIDE
from hitl.models import Approval


def mask_for(viewer: Actor, approval: Approval, value: Any) -> Any:
    """Return a text or document of a request as the viewer may read it."""
    return value if viewer.may(DECIDE) else approval.masked(value)


def masked_texts(approval: Approval, viewer: Actor) -> dict[str, Any]:
    """Return the texts of a request for a page, as the viewer may read them."""
    names = ("summary", "preview", "preview_url", "facts", "drift", "hold_reason")
    return {name: mask_for(viewer, approval, getattr(approval, name)) for name in names}
