"""Services of the daily brief, and the samples of figures."""

from analytics.services.briefs import claim_brief, list_stuck, make_brief, record_failure
from analytics.services.due_briefs import claim_due, purge_briefs
from analytics.services.on_demand import request_brief
from analytics.services.preferences import change_preference, set_preference, switch_off
from analytics.services.previews import discard_preview, find_preview, preview_brief
from analytics.services.samples import SECONDS as SAMPLE_SECONDS
from analytics.services.samples import sample_all, sample_gauges
