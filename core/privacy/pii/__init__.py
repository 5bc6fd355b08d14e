"""Rules that find personal data in text and replace it by readable masks; pure, no Django."""

from core.privacy.pii.finder import find
from core.privacy.pii.kinds import Finding, Kind
from core.privacy.pii.masking import mask_numbers, mask_text, mask_value
