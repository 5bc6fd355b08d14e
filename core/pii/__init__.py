"""Rules that find personal data in text and replace it by readable masks; pure, no Django."""

from core.pii.finder import find
from core.pii.finding import Finding, Kind
from core.pii.masking import mask_text, mask_value

__all__ = ["Finding", "Kind", "find", "mask_text", "mask_value"]
