"""API v1: its routes, its description and its pages, put together from the apps' endpoints."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path, re_path
from django.views.defaults import server_error as plain_server_error
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest import invitations
from accounts.rest import reveals as accounts
from accounts.rest.members import EraseMember
from agents import rest as agents
from analytics import rest as analytics
from channels_app import rest as channels
from conversations.rest import channel_accounts, contacts, conversations
from core.errors import NotFound
from core.rest import audit as core
from core.rest.erasures import ErasurePage, Erasures
from core.rest.views import ApiView
from hitl.rest import approval_actions as moves
from hitl.rest import approval_details as belongings
from hitl.rest import approvals as hitl
from hitl.rest import decision_links as links
from hitl.rest import delegations as seats
from hitl.rest import kill_switches as switches
from hitl.rest import policies as parts
from hitl.rest import workflows

V1 = "api/v1/"
_STYLES: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


class Root(ApiView):
    """What there is."""

    @extend_schema(operation_id="root", responses={200: dict[str, str]})
    def get(self, request: Request) -> Response:
        """List the collections with their addresses."""
        names = [str(entry.pattern).removeprefix(V1) for entry in urlpatterns if _is_collection(entry)]
        return Response({name.rstrip("/"): request.build_absolute_uri(f"/{V1}{name}") for name in names})


def _is_collection(entry: Any) -> bool:
    route = str(entry.pattern)
    return route.startswith(V1) and route != V1 and "<" not in route and "^" not in route


class Nowhere(ApiView):
    """Every address under `/api/` that leads nowhere: the same answer as for what is absent."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse strangers first: they learn nothing about addresses."""
        super().initial(request, *args, **kwargs)
        raise NotFound("There is no such address.")

    def _read_query(self, request: Request) -> dict[str, Any]:
        return {"show_pii": False}


class Schema(SpectacularAPIView):
    """The description, for anybody: it holds nothing of a tenant."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []


class Docs(SpectacularSwaggerSplitView):
    """The description as a page, from our own files."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []
    url_name = "api_schema"
    url_self = None
    template_name = "api/docs.html"


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a mistake of ours: in the one shape under `/api/`, as a page elsewhere."""
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": "Something went wrong on our side.", "code": "error"}, status=500)
    answer = plain_server_error(request)
    # The page asks for no file and is shown with its own styles: our policy lets these pass, and no others.
    styles = b"".join(_STYLES.findall(answer.content))
    digest = base64.b64encode(hashlib.sha256(styles).digest()).decode()
    vars(answer)["_csp_update"] = {"style-src": [f"'sha256-{digest}'"]}
    return answer


APPROVAL = f"{V1}approvals/<uuid:approval_id>/"
WORKFLOW = f"{V1}workflows/<uuid:workflow_id>/"
INVITATION = f"{V1}members/invitations/<uuid:invitation_id>/"
CONVERSATION = f"{V1}conversations/<uuid:conversation_id>/"
urlpatterns = [
    path("api/schema/", Schema.as_view(), name="api_schema"),
    path("api/docs/", Docs.as_view(), name="api_docs"),
    path(V1, Root.as_view(), name="api_root"),
    path(f"{V1}approvals/", hitl.Approvals.as_view(), name="api_approvals"),
    path(APPROVAL, hitl.ApprovalPage.as_view(), name="api_approval"),
    path(f"{APPROVAL}approve/", hitl.Approve.as_view(), name="api_approval_approve"),
    path(f"{APPROVAL}reject/", hitl.Reject.as_view(), name="api_approval_reject"),
    path(f"{APPROVAL}cancel/", hitl.Cancel.as_view(), name="api_approval_cancel"),
    path(f"{APPROVAL}revoke/", hitl.Revoke.as_view(), name="api_approval_revoke"),
    path(f"{APPROVAL}hold/", hitl.Hold.as_view(), name="api_approval_hold"),
    path(f"{APPROVAL}release/", hitl.ReleaseHold.as_view(), name="api_approval_release"),
    path(f"{APPROVAL}resolve/", hitl.Resolve.as_view(), name="api_approval_resolve"),
    path(f"{APPROVAL}edit/", moves.Edit.as_view(), name="api_approval_edit"),
    path(f"{APPROVAL}ask/", moves.Ask.as_view(), name="api_approval_ask"),
    path(f"{APPROVAL}answer/", moves.Answer.as_view(), name="api_approval_answer"),
    path(f"{APPROVAL}send-back/", moves.SendBack.as_view(), name="api_approval_send_back"),
    path(f"{APPROVAL}resubmit/", moves.Resubmit.as_view(), name="api_approval_resubmit"),
    path(f"{APPROVAL}override/", moves.Override.as_view(), name="api_approval_override"),
    path(f"{APPROVAL}escalate/", moves.Escalate.as_view(), name="api_approval_escalate"),
    path(f"{APPROVAL}probe/", moves.Probe.as_view(), name="api_approval_probe"),
    path(f"{APPROVAL}review/", moves.Review.as_view(), name="api_approval_review"),
    path(f"{APPROVAL}revisions/", moves.Revisions.as_view(), name="api_approval_revisions"),
    path(f"{V1}override-reviews/", moves.OverrideReviews.as_view(), name="api_override_reviews"),
    path(f"{APPROVAL}delegate/", seats.Delegate.as_view(), name="api_approval_delegate"),
    path(f"{APPROVAL}reassign/", seats.Reassign.as_view(), name="api_approval_reassign"),
    path(f"{V1}delegations/", seats.Delegations.as_view(), name="api_delegations"),
    path(f"{V1}delegations/<uuid:delegation_id>/end/", seats.EndDelegation.as_view(), name="api_delegation_end"),
    path(f"{APPROVAL}history/", hitl.ApprovalHistory.as_view(), name="api_approval_history"),
    path(f"{APPROVAL}executions/", hitl.ApprovalExecutions.as_view(), name="api_approval_executions"),
    path(f"{APPROVAL}decisions/", belongings.ApprovalDecisions.as_view(), name="api_approval_decisions"),
    path(f"{APPROVAL}notifications/", belongings.ApprovalNotifications.as_view(), name="api_approval_notifications"),
    path(f"{APPROVAL}timers/", belongings.ApprovalTimers.as_view(), name="api_approval_timers"),
    path(f"{V1}workflows/", workflows.Workflows.as_view(), name="api_workflows"),
    path(WORKFLOW, workflows.WorkflowPage.as_view(), name="api_workflow"),
    path(f"{WORKFLOW}revise/", workflows.WorkflowRevision.as_view(), name="api_workflow_revise"),
    path(f"{WORKFLOW}copy/", workflows.WorkflowCopy.as_view(), name="api_workflow_copy"),
    path(f"{WORKFLOW}retire/", workflows.WorkflowRetirement.as_view(), name="api_workflow_retire"),
    path(f"{WORKFLOW}restore/", workflows.WorkflowRestoration.as_view(), name="api_workflow_restore"),
    path(f"{WORKFLOW}sharing/", workflows.WorkflowSharing.as_view(), name="api_workflow_sharing"),
    path(f"{WORKFLOW}simulate/", workflows.WorkflowSimulation.as_view(), name="api_workflow_simulate"),
    path(f"{V1}dead-letters/", core.DeadLetters.as_view(), name="api_dead_letters"),
    path(f"{V1}dead-letters/<uuid:letter_id>/replay/", core.Replay.as_view(), name="api_dead_letter_replay"),
    path(f"{V1}dead-letters/<uuid:letter_id>/discard/", core.Discard.as_view(), name="api_dead_letter_discard"),
    path(f"{V1}groups/", parts.Groups.as_view(), name="api_groups"),
    path(f"{V1}groups/<uuid:group_id>/", parts.GroupPage.as_view(), name="api_group"),
    path(f"{V1}calendars/", parts.Calendars.as_view(), name="api_calendars"),
    path(f"{V1}calendars/<uuid:calendar_id>/", parts.CalendarPage.as_view(), name="api_calendar"),
    path(f"{V1}caps/", parts.Caps.as_view(), name="api_caps"),
    path(f"{V1}caps/<uuid:cap_id>/", parts.CapPage.as_view(), name="api_cap"),
    path(f"{V1}risk-policies/", parts.RiskPolicies.as_view(), name="api_risk_policies"),
    path(f"{V1}decision-links/", links.DecisionLinks.as_view(), name="api_decision_links"),
    path(f"{V1}action-kinds/", parts.Kinds.as_view(), name="api_action_kinds"),
    path(f"{V1}kill-switches/", switches.KillSwitches.as_view(), name="api_kill_switches"),
    path(f"{V1}kill-switches/installation/", switches.InstallationSwitch.as_view(), name="api_installation_switch"),
    path(
        f"{V1}kill-switches/installation/release/",
        switches.ReleaseInstallation.as_view(),
        name="api_installation_switch_release",
    ),
    path(
        f"{V1}kill-switches/<uuid:switch_id>/release/", switches.ReleaseSwitch.as_view(), name="api_kill_switch_release"
    ),
    path(f"{V1}conversations/", conversations.Conversations.as_view(), name="api_conversations"),
    path(f"{V1}conversations/search/", conversations.ConversationSearch.as_view(), name="api_conversation_search"),
    path(CONVERSATION, conversations.ConversationPage.as_view(), name="api_conversation"),
    path(f"{CONVERSATION}messages/", conversations.Messages.as_view(), name="api_conversation_messages"),
    path(
        f"{CONVERSATION}attachments/<uuid:attachment_id>/",
        conversations.AttachmentContent.as_view(),
        name="api_conversation_attachment",
    ),
    path(f"{CONVERSATION}take-over/", conversations.TakeOver.as_view(), name="api_conversation_take_over"),
    path(f"{CONVERSATION}give-back/", conversations.GiveBack.as_view(), name="api_conversation_give_back"),
    path(f"{CONVERSATION}close/", conversations.Close.as_view(), name="api_conversation_close"),
    path(f"{CONVERSATION}assign/", conversations.Assign.as_view(), name="api_conversation_assign"),
    path(f"{CONVERSATION}escalate/", conversations.Escalate.as_view(), name="api_conversation_escalate"),
    path(f"{CONVERSATION}tags/", conversations.Tags.as_view(), name="api_conversation_tags"),
    path(f"{V1}contacts/", contacts.Contacts.as_view(), name="api_contacts"),
    path(f"{V1}contacts/search/", contacts.ContactSearch.as_view(), name="api_contact_search"),
    path(f"{V1}contacts/<uuid:contact_id>/", contacts.ContactPage.as_view(), name="api_contact"),
    path(f"{V1}contacts/<uuid:contact_id>/erase/", contacts.EraseContact.as_view(), name="api_contact_erase"),
    path(f"{V1}members/invitations/", invitations.Invitations.as_view(), name="api_invitations"),
    path(f"{INVITATION}resend/", invitations.ResendInvitation.as_view(), name="api_invitation_resend"),
    path(f"{INVITATION}withdraw/", invitations.WithdrawInvitation.as_view(), name="api_invitation_withdraw"),
    path(f"{V1}members/<uuid:membership_id>/erase/", EraseMember.as_view(), name="api_member_erase"),
    path(f"{V1}erasures/", Erasures.as_view(), name="api_erasures"),
    path(f"{V1}erasures/<uuid:erasure_id>/", ErasurePage.as_view(), name="api_erasure"),
    path(f"{V1}channel-accounts/", channel_accounts.ChannelAccounts.as_view(), name="api_channel_accounts"),
    path(
        f"{V1}channel-accounts/<uuid:account_id>/",
        channel_accounts.ChannelAccountPage.as_view(),
        name="api_channel_account",
    ),
    path(f"{V1}agents/", agents.Agents.as_view(), name="api_agents"),
    path(f"{V1}agents/<uuid:agent_id>/", agents.AgentPage.as_view(), name="api_agent"),
    path(f"{V1}agents/<uuid:agent_id>/copy/", agents.AgentCopy.as_view(), name="api_agent_copy"),
    path(f"{V1}agents/<uuid:agent_id>/retire/", agents.AgentRetire.as_view(), name="api_agent_retire"),
    path(f"{V1}agents/<uuid:agent_id>/restore/", agents.AgentRestore.as_view(), name="api_agent_restore"),
    path(f"{V1}agent-runs/", agents.Runs.as_view(), name="api_agent_runs"),
    path(f"{V1}agent-runs/<uuid:run_id>/", agents.RunPage.as_view(), name="api_agent_run"),
    path(f"{V1}tool-calls/", agents.ToolCalls.as_view(), name="api_tool_calls"),
    path(f"{V1}tool-calls/<uuid:call_id>/", agents.ToolCallPage.as_view(), name="api_tool_call"),
    path(f"{V1}briefs/", analytics.Briefs.as_view(), name="api_briefs"),
    path(f"{V1}brief-preferences/", analytics.Preferences.as_view(), name="api_brief_preferences"),
    path(f"{V1}brief-preferences/me/", analytics.OwnPreference.as_view(), name="api_own_brief_preference"),
    path(f"{V1}reveals/", accounts.Reveals.as_view(), name="api_reveals"),
    path(f"{V1}audit/", core.AuditList.as_view(), name="api_audit"),
    path(f"{V1}audit/verify/", core.AuditVerify.as_view(), name="api_audit_verify"),
    path(f"{V1}stream/", channels.Stream.as_view(), name="api_stream"),
    re_path(r"^api/", Nowhere.as_view(), name="api_nowhere"),
]
