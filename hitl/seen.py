"""What a viewer may read of a request: word for word whoever signs, with personal data masked everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.actors import Actor
from core.pii import mask_text
from hitl.models import Approval

SIGNER: Final = "hitl.decide_approval"


def seen_by(viewer: Actor, value: Any) -> Any:
    """Return a text or a document of what is signed, as the viewer may read it."""
    return value if viewer.may(SIGNER) else masked(value)


def masked(value: Any) -> Any:
    """Return a document with masked texts; keys, numbers and flags stay."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {key: masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list | tuple) else value


def signed_parts(approval: Approval, viewer: Actor) -> dict[str, Any]:
    """Return the texts of what is signed for a page."""
    names = ("summary", "preview", "preview_url", "facts", "drift", "hold_reason")
    return {name: seen_by(viewer, getattr(approval, name)) for name in names}
