"""Read approvals: the selectors for other apps, pages and the API."""

from hitl.selectors.approvals import (
    CAP as CAP,
)
from hitl.selectors.approvals import (
    ORDERS as ORDERS,
)
from hitl.selectors.approvals import (
    PAGE as PAGE,
)
from hitl.selectors.approvals import (
    SIGNED as SIGNED,
)
from hitl.selectors.approvals import (
    VIEW as VIEW,
)
from hitl.selectors.approvals import (
    DayCount as DayCount,
)
from hitl.selectors.approvals import (
    count_by_day as count_by_day,
)
from hitl.selectors.approvals import (
    count_mine as count_mine,
)
from hitl.selectors.approvals import (
    count_overdue as count_overdue,
)
from hitl.selectors.approvals import (
    count_waiting as count_waiting,
)
from hitl.selectors.approvals import (
    delegated_to as delegated_to,
)
from hitl.selectors.approvals import (
    get_approval as get_approval,
)
from hitl.selectors.approvals import (
    is_call_stopped as is_call_stopped,
)
from hitl.selectors.approvals import (
    list_approvals as list_approvals,
)
from hitl.selectors.approvals import (
    list_assignments as list_assignments,
)
from hitl.selectors.approvals import (
    list_decisions as list_decisions,
)
from hitl.selectors.approvals import (
    list_executions as list_executions,
)
from hitl.selectors.approvals import (
    list_for_conversation as list_for_conversation,
)
from hitl.selectors.approvals import (
    list_needing as list_needing,
)
from hitl.selectors.approvals import (
    list_switches as list_switches,
)
from hitl.selectors.approvals import (
    open_assignments_of as open_assignments_of,
)
from hitl.selectors.approvals import (
    query_approvals as query_approvals,
)
from hitl.selectors.approvals import (
    query_delegations as query_delegations,
)
from hitl.selectors.approvals import (
    query_reviews as query_reviews,
)
from hitl.selectors.search import (
    FOUND_CAP as FOUND_CAP,
)
from hitl.selectors.search import (
    LONGEST as LONGEST,
)
from hitl.selectors.search import (
    PERSONAL as PERSONAL,
)
from hitl.selectors.search import (
    cleaned as cleaned,
)
from hitl.selectors.search import (
    found_by as found_by,
)
from hitl.selectors.search import (
    is_personal as is_personal,
)
from hitl.selectors.search import (
    is_reference as is_reference,
)
from hitl.selectors.search import (
    reference_of as reference_of,
)
from hitl.selectors.search import (
    refuse_personal as refuse_personal,
)
