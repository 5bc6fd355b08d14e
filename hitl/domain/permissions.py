"""The permissions that more than one room of approvals asks for."""

from typing import Final

DECIDE: Final = "hitl.decide_approval"
"""Approve, reject and discuss requests."""
