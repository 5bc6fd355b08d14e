"""Read approvals: the selectors that other apps use; inside `hitl`, import the modules themselves."""

from hitl.killswitch.state import is_connection_stopped
from hitl.selectors.approvals import (
    count_by_day,
    count_mine,
    count_overdue,
    count_waiting,
    get_approval,
    is_call_stopped,
    list_approvals,
    list_for_conversation,
    list_needing,
    query_approvals,
)
from hitl.selectors.related import find_attempt
