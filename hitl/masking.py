"""Approvers see the original text of a request; everyone else sees it masked."""

from typing import Any

from core.actors import Actor
from core.privacy.json_texts import with_texts
from core.privacy.pii import mask_text
from hitl.domain.permissions import DECIDE
from hitl.models import Approval


def mask_for(viewer: Actor, value: Any) -> Any:
    """Return a text or document of a request as the viewer may read it."""
    return value if viewer.may(DECIDE) else with_texts(value, mask_text)


def masked_texts(approval: Approval, viewer: Actor) -> dict[str, Any]:
    """Return the texts of a request for a page, as the viewer may read them."""
    names = ("summary", "preview", "preview_url", "facts", "drift", "hold_reason")
    return {name: mask_for(viewer, getattr(approval, name)) for name in names}
