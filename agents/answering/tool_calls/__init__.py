"""The one way from a model's wish to a tool: checked, limited, run once, recorded."""

from agents.answering.tool_calls.records import list_recorded
from agents.answering.tool_calls.refusals import ToolBroke
from agents.answering.tool_calls.round import Calls, perform

__all__ = ["Calls", "ToolBroke", "list_recorded", "perform"]
