"""Placeholders for personal data that a model may see, and the way back into declared arguments."""

from agents.privacy.vault import PLACEHOLDER, Personal, ShownStream, Vault, build_vault, count_marks
from core.privacy.people.names import suspected_names

__all__ = ["PLACEHOLDER", "Personal", "ShownStream", "Vault", "build_vault", "count_marks", "suspected_names"]
