"""Why a call of a tool is not made, or failed; every reason has a code of its own."""

from typing import Any, Final

from pydantic import BaseModel

from core.audit.refusals import Watched
from core.errors import WalkerError
from core.privacy.pii import mask_text

UNKNOWN: Final = "unknown_tool"
NOT_OFFERED: Final = "not_offered"
PAUSED: Final = "paused"
TAINTED: Final = "tainted"
BAD_ARGUMENTS: Final = "bad_arguments"
TOO_OFTEN: Final = "too_often"
TOO_OFTEN_FOR_CONTACT: Final = "too_often_for_contact"
TOO_OFTEN_FOR_AGENT: Final = "too_often_for_agent"
NOT_COUNTED: Final = "not_counted"
OTHER_TEAM: Final = "other_team"
TOO_MANY: Final = "too_many_calls"
TOO_MANY_WISHES: Final = "too_many_requests"
TIMEOUT: Final = "timeout"
STUCK: Final = "stuck"

NOT_CONFIRMED: Final = "not_confirmed"
WATCHED: Final = Watched("agents.toolcall", frozenset({TOO_OFTEN_FOR_CONTACT, TOO_OFTEN_FOR_AGENT, OTHER_TEAM}))
"""The refusals by an organisation's or an operator's limits, which the audit log notes."""
MAY_PASS: Final = frozenset({PAUSED, NOT_CONFIRMED})
"""Codes of tools that say nothing about the same wish a moment later."""

DETAILS: Final = {
    UNKNOWN: "There is no such tool.",
    NOT_OFFERED: "This tool isn't available here.",
    TAINTED: "I've just read text from outside the company, so I can't request changes on it. "
    "Tell me in a new message what you want to change.",
    TOO_OFTEN: "I've looked this up often in the last hour. Please try again later, or ask for a colleague.",
    TOO_OFTEN_FOR_CONTACT: "I've looked up a lot for this person in the last hour, so please ask for a colleague.",
    TOO_OFTEN_FOR_AGENT: "I've reached my limit of lookups for this hour, so please ask for a colleague.",
    NOT_COUNTED: "I can't look this up right now. Please try again in a moment, or ask for a colleague.",
    OTHER_TEAM: "This tool is only for conversations of other teams, so I can't use it here.",
    TOO_MANY: "That's more than I can do at once.",
    TOO_MANY_WISHES: "That's more changes than I can request at once. Please ask for the rest in a new message.",
    TIMEOUT: "This took too long, so I don't have the figures. Please try again in a moment.",
}


class ToolBroke(Exception):
    """A tool failed for a reason that other arguments would not fix."""


class Refusal(Exception):
    """A call is not made; `result` is what the model reads about it."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.result: dict[str, Any] = {"error": code, "detail": detail or DETAILS[code]}


def problem_of_tool(error: WalkerError, arguments: BaseModel) -> dict[str, Any]:
    """Return what the model reads of an error of a tool. A name that fits nothing comes with the names that would."""
    problem: dict[str, Any] = {"error": error.code, "detail": error.detail}
    choices = error.facts.get("choices")
    fields = list(error.facts.get("fields") or {})
    if isinstance(choices, list) and fields:
        given = str(getattr(arguments, fields[0], ""))
        error_code = "ambiguous" if error.code == "ambiguous" else "unknown_name"
        problem |= {"error": error_code, "what": fields[0], "name": mask_text(given)[:80]}
        problem |= {"known": [str(choice) for choice in choices], "near": bool(error.facts.get("near", True))}
    return problem
