"""API v1: the routes of the apps' view sets, the OpenAPI document and its page."""

from typing import Any

from django.urls import URLPattern, path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from accounts.rest.invitations import InvitationViewSet
from accounts.rest.members import MemberViewSet
from accounts.rest.notices import NoticeViewSet
from accounts.rest.organisation import (
    LogoViewSet,
    OrganisationViewSet,
    SettingChangeViewSet,
    SettingViewSet,
    UsageViewSet,
)
from accounts.rest.profile import OwnPictureViewSet, OwnProfileViewSet
from accounts.rest.registration import RegistrationViewSet
from accounts.rest.reveals import RevealViewSet
from accounts.rest.roles import RoleViewSet
from accounts.rest.shares import ShareViewSet
from accounts.rest.tokens import TokenViewSet
from agents.answering import rest as runs
from agents.answering.routing.rest import AnswerRuleViewSet
from agents.knowledge import rest as knowledge
from agents.langflow import rest as flows
from agents.llm.routes import rest as model_routes
from agents.memory.rest import FactViewSet, HandoverViewSet
from agents.studio.agents import rest as agents
from agents.studio.evals.rest import CaseViewSet, EvalRunViewSet
from agents.studio.trials.rest import TrialViewSet
from analytics import rest as analytics
from analytics.alerts import rest as alerts
from analytics.exports import rest as exports
from analytics.figure_pages.rest import FigureViewSet
from analytics.person_requests.rest import PersonRequestViewSet
from channels_app.rest import AppWebhookViewSet, ChannelAccountToolsViewSet, StreamViewSet
from console.rest import SavedViewViewSet
from conversations.channel_accounts.rest.accounts import ChannelAccountViewSet
from conversations.channel_accounts.rest.templates import TemplateViewSet
from conversations.contacts.rest.consents import ConsentViewSet, ConsentWordingViewSet
from conversations.contacts.rest.contacts import ContactViewSet
from conversations.custom_fields.rest import CustomFieldViewSet
from conversations.inbox.rest import conversations
from conversations.inbox.rest.tags import TagViewSet
from conversations.inbox.teams.rest import AvailabilityViewSet, TeamViewSet
from conversations.inbox.threads.rest.notes import ConversationNoteViewSet
from conversations.inbox.threads.rest.team_chat import TeamMessageViewSet
from conversations.inbox.triage.rest import TriageRuleViewSet
from conversations.merges.rest import ContactMergeViewSet
from conversations.replies.rest.canned_replies import CannedFileViewSet, CannedReplyViewSet
from conversations.replies.rest.macros import MacroViewSet
from conversations.replies.rest.suggestions import SuggestedReplyViewSet
from conversations.surveys.rest import SurveyViewSet
from core.errors import Invalid, NotFound
from core.rest.audit import AuditViewSet
from core.rest.dead_letters import DeadLetterViewSet
from core.rest.erasures import ErasureViewSet
from core.rest.retention import LegalHoldViewSet, RetentionViewSet
from core.rest.views import ApiViewSet, StrictView
from hitl.actions.rest import ActionKindViewSet
from hitl.approvals.rest import actions as approval_actions
from hitl.approvals.rest import approvals
from hitl.approvals.rest import details as approval_details
from hitl.approvals.rest.delegations import DelegationViewSet
from hitl.approvals.rest.notes import NoteViewSet
from hitl.approvals.rest.override_reviews import OverrideReviewViewSet
from hitl.batches.rest import BatchViewSet
from hitl.decision_links.rest import DecisionLinkPolicyViewSet
from hitl.evidence.rest import EvidenceExportViewSet, EvidenceViewSet
from hitl.killswitch.rest import InstallationSwitchViewSet, KillSwitchViewSet
from hitl.notifications.rest import OwnNotificationSettingsViewSet
from hitl.policy.rest import policies, workflows
from hitl.policy.rest.flags import FlagViewSet
from hitl.simulation.rest import SimulationViewSet
from hub.rest import CustomerLinkViewSet
from integrations.calls.rest import ProviderCallViewSet
from integrations.connections.rest import ConnectionViewSet
from integrations.rest import EventTypeViewSet, WebhookDeliveryViewSet, WebhookEndpointViewSet
from integrations.siem.rest import AuditDestinationViewSet

V1 = "api/v1/"


class Root(StrictView):
    """The list of collections."""

    @extend_schema(operation_id="root", responses={200: dict[str, str]})
    def get(self, request: Request) -> Response:
        """List the collections with their addresses."""
        below = [route.removeprefix(V1) for entry in urlpatterns if (route := str(entry.pattern)).startswith(V1)]
        names = [name for name in below if name and "<" not in name and "^" not in name]
        return Response({name.rstrip("/"): request.build_absolute_uri(f"/{V1}{name}") for name in names})


class Nowhere(StrictView):
    """Unknown addresses under `/api/`: the same response as for an absent object."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raise `NotFound`, after strangers are refused: they learn nothing about addresses."""
        super().initial(request, *args, **kwargs)
        raise NotFound("There is no such address.")

    def read_query(self, request: Request) -> dict[str, Any]:
        """Return no parameters; unknown ones are ignored here."""
        return {"show_pii": False}


class Schema(SpectacularAPIView):
    """The OpenAPI document, for everyone: it contains nothing of a tenant."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Return what `?format=` names, json or yaml; without it, what the client's `Accept` does."""
        named = request.query_params.get("format")
        if named is None or force:
            return super().perform_content_negotiation(request, force)
        for renderer in self.get_renderers():
            if renderer.format == named:
                return renderer, renderer.media_type
        raise Invalid("There is no such format.", fields={"format": ["Name json or yaml."]})


class Docs(SpectacularSwaggerSplitView):
    """The OpenAPI document as a page, from our own static files."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []
    url_name = "api_schema"
    url_self = None
    template_name = "api/docs.html"


router = SimpleRouter(use_regex_path=False)
APPROVAL = f"{V1}approvals/<uuid:approval_id>/"
CONVERSATION = f"{V1}conversations/<uuid:conversation_id>/"
router.register(f"{V1}approvals", approvals.ApprovalViewSet, "api-approvals")
router.register(f"{V1}approvals", approval_actions.ApprovalActionViewSet, "api-approval")
router.register(f"{APPROVAL}history", approval_details.HistoryViewSet, "api-approval-history")
router.register(f"{APPROVAL}executions", approval_details.ExecutionViewSet, "api-approval-executions")
router.register(f"{APPROVAL}revisions", approval_details.RevisionViewSet, "api-approval-revisions")
router.register(f"{APPROVAL}decisions", approval_details.DecisionViewSet, "api-approval-decisions")
router.register(f"{APPROVAL}notifications", approval_details.NotificationViewSet, "api-approval-notifications")
router.register(f"{APPROVAL}notes", NoteViewSet, "api-approval-notes")
router.register(f"{APPROVAL}timers", approval_details.TimerViewSet, "api-approval-timers")
router.register(f"{V1}approvals/batch-decisions", BatchViewSet, "api-batch-decisions")
router.register(f"{V1}evidence-exports", EvidenceExportViewSet, "api-evidence-exports")
router.register(f"{V1}override-reviews", OverrideReviewViewSet, "api-override-reviews")
router.register(f"{V1}delegations", DelegationViewSet, "api-delegations")
router.register(f"{V1}workflows", workflows.WorkflowViewSet, "api-workflows")
router.register(f"{V1}groups", policies.GroupViewSet, "api-groups")
router.register(f"{V1}calendars", policies.CalendarViewSet, "api-calendars")
router.register(f"{V1}caps", policies.CapViewSet, "api-caps")
router.register(f"{V1}flags", FlagViewSet, "api-flags")
router.register(f"{V1}risk-policies", policies.RiskPolicyViewSet, "api-risk-policies")
router.register(f"{V1}simulations", SimulationViewSet, "api-simulations")
router.register(f"{V1}action-kinds", ActionKindViewSet, "api-action-kinds")
router.register(f"{V1}kill-switches", KillSwitchViewSet, "api-kill-switches")
router.register(f"{V1}conversations", conversations.ConversationViewSet, "api-conversations")
router.register(f"{CONVERSATION}messages", conversations.MessageViewSet, "api-messages")
router.register(f"{V1}messages", conversations.SendAgainViewSet, "api-message")
router.register(f"{CONVERSATION}notes", ConversationNoteViewSet, "api-conversation-notes")
router.register(f"{CONVERSATION}attachments", conversations.AttachmentViewSet, "api-attachments")
router.register(f"{V1}suggested-replies", SuggestedReplyViewSet, "api-suggested-replies")
router.register(f"{V1}canned-replies", CannedReplyViewSet, "api-canned-replies")
router.register(f"{V1}canned-replies/<uuid:reply_id>/files", CannedFileViewSet, "api-canned-files")
router.register(f"{V1}macros", MacroViewSet, "api-macros")
router.register(f"{V1}tags", TagViewSet, "api-tags")
router.register(f"{V1}custom-fields", CustomFieldViewSet, "api-custom-fields")
router.register(f"{V1}customer-links", CustomerLinkViewSet, "api-customer-links")
router.register(f"{V1}surveys", SurveyViewSet, "api-surveys")
router.register(f"{V1}triage-rules", TriageRuleViewSet, "api-triage-rules")
router.register(f"{V1}teams", TeamViewSet, "api-teams")
router.register(f"{V1}teams/<uuid:team_id>/messages", TeamMessageViewSet, "api-team-messages")
router.register(f"{V1}availability", AvailabilityViewSet, "api-availability")
router.register(f"{V1}contacts", ContactViewSet, "api-contacts")
router.register(f"{V1}contacts/<uuid:contact_id>/merge", ContactMergeViewSet, "api-contact-merge")
router.register(
    f"{V1}contacts/<uuid:contact_id>/conversations",
    conversations.ContactConversationViewSet,
    "api-contact-conversations",
)
router.register(f"{V1}contacts/<uuid:contact_id>/facts", FactViewSet, "api-contact-facts")
router.register(f"{V1}consents", ConsentViewSet, "api-consents")
router.register(f"{V1}consent-wordings", ConsentWordingViewSet, "api-consent-wordings")
router.register(f"{V1}members/invitations", InvitationViewSet, "api-invitations")
router.register(f"{V1}members", MemberViewSet, "api-members")
router.register(f"{V1}roles", RoleViewSet, "api-roles")
router.register(f"{V1}notices", NoticeViewSet, "api-notices")
router.register(f"{V1}shares", ShareViewSet, "api-shares")
router.register(f"{V1}organisation/settings", SettingViewSet, "api-organisation-settings")
router.register(f"{V1}organisation/changes", SettingChangeViewSet, "api-organisation-changes")
router.register(f"{V1}organisation/usage", UsageViewSet, "api-organisation-usage")
router.register(f"{V1}views", SavedViewViewSet, "api-views")
router.register(f"{V1}erasures", ErasureViewSet, "api-erasures")
router.register(f"{V1}retention", RetentionViewSet, "api-retention")
router.register(f"{V1}legal-holds", LegalHoldViewSet, "api-legal-holds")
router.register(f"{V1}templates", TemplateViewSet, "api-templates")
router.register(f"{V1}channel-accounts/<uuid:account_id>/webhooks", AppWebhookViewSet, "api-channel-account-webhooks")
router.register(f"{V1}channel-accounts", ChannelAccountViewSet, "api-channel-accounts")
router.register(f"{V1}channel-accounts", ChannelAccountToolsViewSet, "api-channel-account")
router.register(f"{V1}agents", agents.AgentViewSet, "api-agents")
router.register(f"{V1}answer-rules", AnswerRuleViewSet, "api-answer-rules")
router.register(f"{V1}trials", TrialViewSet, "api-trials")
router.register(f"{V1}eval-cases", CaseViewSet, "api-eval-cases")
router.register(f"{V1}eval-runs", EvalRunViewSet, "api-eval-runs")
router.register(f"{V1}collections", knowledge.CollectionViewSet, "api-collections")
router.register(f"{V1}documents", knowledge.DocumentViewSet, "api-documents")
router.register(f"{V1}documents", knowledge.UploadViewSet, "api-document")
router.register(f"{V1}sites", knowledge.SiteViewSet, "api-sites")
router.register(f"{V1}open-questions", knowledge.OpenQuestionViewSet, "api-open-questions")
router.register(f"{V1}knowledge", knowledge.KnowledgeViewSet, "api-knowledge")
router.register(f"{V1}model-routes", model_routes.ModelRouteViewSet, "api-model-routes")
router.register(f"{V1}flow-servers", flows.FlowServerViewSet, "api-flow-servers")
router.register(f"{V1}budgets", model_routes.BudgetViewSet, "api-budgets")
router.register(f"{V1}usage", model_routes.UsageViewSet, "api-usage")
router.register(f"{V1}agent-runs", runs.RunViewSet, "api-agent-runs")
router.register(f"{V1}tool-calls", runs.ToolCallViewSet, "api-tool-calls")
router.register(f"{V1}figures", FigureViewSet, "api-figures")
router.register(f"{V1}briefs", analytics.BriefViewSet, "api-briefs")
router.register(f"{V1}brief-preferences", analytics.PreferenceViewSet, "api-brief-preferences")
router.register(f"{V1}alert-rules", alerts.AlertRuleViewSet, "api-alert-rules")
router.register(f"{V1}alerts", alerts.AlertViewSet, "api-alerts")
router.register(f"{V1}exports", exports.ExportViewSet, "api-exports")
router.register(f"{V1}export-schedules", exports.ExportScheduleViewSet, "api-export-schedules")
router.register(f"{V1}person-requests", PersonRequestViewSet, "api-person-requests")
router.register(f"{V1}reveals", RevealViewSet, "api-reveals")
router.register(f"{V1}audit", AuditViewSet, "api-audit")
router.register(f"{V1}audit-destinations", AuditDestinationViewSet, "api-audit-destinations")
router.register(f"{V1}auth", TokenViewSet, "api-auth")
router.register(f"{V1}auth", RegistrationViewSet, "api-registration")
router.register(f"{V1}connections", ConnectionViewSet, "api-connections")
router.register(f"{V1}webhook-endpoints", WebhookEndpointViewSet, "api-webhook-endpoints")
router.register(
    f"{V1}webhook-endpoints/<uuid:endpoint_id>/deliveries", WebhookDeliveryViewSet, "api-webhook-deliveries"
)
router.register(f"{V1}provider-calls", ProviderCallViewSet, "api-provider-calls")
router.register(f"{V1}event-types", EventTypeViewSet, "api-event-types")
router.register(f"{V1}dead-letters", DeadLetterViewSet, "api-dead-letters")


def _one(route: str, view: type[ApiViewSet], name: str, **methods: str) -> URLPattern:
    """Return the route of what there is one of."""
    return path(f"{V1}{route}/", view.as_view({"get": "retrieve", **methods}), name=f"api-{name}")


urlpatterns = [
    path("api/schema/", Schema.as_view(), name="api_schema"),
    path("api/docs/", Docs.as_view(), name="api_docs"),
    path(V1, Root.as_view(), name="api_root"),
    *router.urls,
    _one("approvals/<uuid:approval_id>/evidence", EvidenceViewSet, "approval-evidence"),
    _one("conversations/<uuid:conversation_id>/summary", HandoverViewSet, "conversation-summary"),
    _one("workflows/<uuid:workflow_id>/sharing", workflows.WorkflowSharingViewSet, "workflow-sharing", put="update"),
    _one("decision-links", DecisionLinkPolicyViewSet, "decision-links", put="update"),
    _one("kill-switches/installation", InstallationSwitchViewSet, "installation-switch", post="create"),
    path(
        f"{V1}kill-switches/installation/release/",
        InstallationSwitchViewSet.as_view({"post": "release"}),
        name="api-installation-switch-release",
    ),
    _one(
        "brief-preferences/me",
        analytics.OwnPreferenceViewSet,
        "own-brief-preference",
        post="replace",
        patch="partial_update",
    ),
    _one("notification-preferences/me", OwnNotificationSettingsViewSet, "own-notification-preference", post="replace"),
    _one("stream", StreamViewSet, "stream"),
    _one("me", OwnProfileViewSet, "me", patch="partial_update"),
    _one("organisation", OrganisationViewSet, "organisation", patch="partial_update"),
    path(
        f"{V1}organisation/logo/",
        LogoViewSet.as_view({"post": "create", "delete": "destroy"}),
        name="api-organisation-logo",
    ),
    path(f"{V1}me/picture/", OwnPictureViewSet.as_view({"post": "create", "delete": "destroy"}), name="api-me-picture"),
    re_path(r"^api/", Nowhere.as_view(), name="api_nowhere"),
]
