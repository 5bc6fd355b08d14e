"""The permissions that more than one room of approvals asks for."""

from typing import Final

DECIDE: Final = "hitl.decide_approval"
"""Approve, reject and discuss requests."""
PROPOSE: Final = "hitl.propose_approval"
"""Request risky actions, and answer questions about them."""
REASSIGN: Final = "hitl.reassign_approval"
"""Change approvers, escalate by hand, and send others out of office."""
HOLD: Final = "hitl.hold_approval"
"""Put requests on hold and release them."""
RESOLVE: Final = "hitl.resolve_approval"
"""Record the outcome of an effect whose outcome is unknown."""
EXPORT: Final = "hitl.export_evidence"
"""Take evidence of approvals away."""
OVERRIDE: Final = "hitl.override_approval"
"""Approve alone in an emergency."""
