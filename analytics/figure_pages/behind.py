"""The list behind a figure: its address with the filters that come nearest to what was counted."""

from typing import Final
from urllib.parse import urlencode

from django.urls import reverse

from analytics.figures.metrics import CHANNEL, KIND, METRICS, TEAM, Page
from analytics.figures.spans import Span
from console.base.lists import DAYS, between
from console.base.lists import uuid_of as id_of

CONVERSATIONS: Final = "admin:conversations_conversation_changelist"
APPROVALS: Final = "admin:hitl_approval_changelist"
RUNS: Final = "admin:agents_agentrun_changelist"
RATINGS: Final = "admin:conversations_survey_changelist"
_STATES: Final = {"conversations_closed": "closed", "conversations_by_agent": "closed", "resolution": "closed"}
_RATED: Final = ("marks", "surveys_asked")
# What the values by kind of these metrics are called in the filters of the list of requests.
_BY_KIND: Final = {"requests_by_risk": "risk", "requests_ended": "state", "requests": "kind"}


def list_behind(metric: str, span: Span, dimension: str = "total", value: str = "") -> str:
    """Return the address of the list that shows what a figure counted; the list asks for its own permission."""
    found = {DAYS: between(span.first, span.last)}
    match METRICS[metric].page:
        case Page.APPROVALS:
            page, found = APPROVALS, found | {"state": "all"}
            if dimension == KIND and metric in _BY_KIND:
                found[_BY_KIND[metric]] = value
        case Page.AGENTS:
            page = RUNS
        case Page.DESK if metric in _RATED:
            page = RATINGS
        case _:
            page, found = CONVERSATIONS, found | {"state": _STATES.get(metric, "all")}
            if dimension == CHANNEL and id_of(value) is None:
                found["channel"] = value
    if dimension == TEAM and page in (CONVERSATIONS, RATINGS):
        found["team"] = value
    return f"{reverse(page)}?{urlencode(found)}"
