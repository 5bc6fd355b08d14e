"""Placeholders for personal data that a model may see, and the way back into declared arguments."""

from agents.redaction.vault import Personal, ShownStream, Vault, build_vault

__all__ = ["Personal", "ShownStream", "Vault", "build_vault"]
