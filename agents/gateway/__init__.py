"""The one way from a model's wish to a tool: checked, limited, run once, recorded."""

from agents.gateway.performing import Calls, perform
from agents.gateway.records import list_recorded
from agents.gateway.refusals import ToolBroke

__all__ = ["Calls", "ToolBroke", "list_recorded", "perform"]
