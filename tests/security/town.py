"""A tenant with one object of every kind that has a page, each with a mark that nobody else may see."""

import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.test import Client

from accounts.models import (
    BrowserSession,
    IdentityProvider,
    Invitation,
    Membership,
    Notice,
    Role,
    SavedView,
    Share,
    Tier,
    TokenFamily,
    User,
)
from accounts.services import create_api_key
from accounts.sessions import families
from agents.langflow.models import FlowServer
from agents.llm.routes.models import Budget, ModelCall, ModelRoute
from agents.memory.models import ContactFact
from agents.models import (
    Agent,
    AgentRun,
    AgentVersion,
    AnswerRule,
    Collection,
    Document,
    HelpCentre,
    OpenQuestion,
    Site,
    ToolCall,
)
from agents.studio.evals.models import EvalCase, EvalRun
from agents.studio.trials.models import Trial
from analytics.models import (
    Alert,
    AlertRule,
    Brief,
    BriefPreference,
    Export,
    ExportSchedule,
    FigureDashboard,
    PersonRequest,
)
from channels_app.models import ColleagueAddress
from conversations import services as talk
from conversations.models import (
    Attachment,
    Availability,
    CannedFile,
    CannedReply,
    ChannelAccount,
    Contact,
    Conversation,
    CustomField,
    Macro,
    Message,
    MessageTemplate,
    Note,
    SuggestedReply,
    Survey,
    Tag,
    Team,
    TriageRule,
)
from conversations.services import Draft
from core.clock import now
from core.jobs import dead_letters
from core.models import (
    AuditEntry,
    Consent,
    ConsentWording,
    Erasure,
    LegalHold,
    RetentionChoice,
    WebhookDelivery,
    WebhookEndpoint,
)
from core.tenancy.scope import tenant_scope
from demo.agents import ensure_default_agents
from hitl.models import (
    Approval,
    ApproverGroup,
    BatchDecision,
    BusinessCalendar,
    Cap,
    ComplianceFlag,
    DecisionPolicy,
    Delegation,
    EvidenceExport,
    KillSwitch,
    LinkPolicy,
    NotificationPreference,
    NotificationTemplate,
    OverrideReview,
    RiskPolicy,
    Simulation,
)
from hitl.services import create_workflow
from hub.models import TransactionDraft
from integrations.mail.services import queue_mail
from integrations.mail.types import NewMail
from integrations.models import AuditDestination, MailDelivery, ProviderAccount, ProviderCall, WebhookSubscription
from tests.console.scene import ask, write_in
from tests.security.rows import MARK, fill_every_table
from tests.world import OPERATOR, World

HELP_TITLE = f"{MARK} help"
"""What everybody may read, on the pages of the public help centre alone."""
SECRETS = (MARK, "acme.example", "600 999 111", "4111 1111 1111 1111")
LETTERS = "tests.letter"
DEFINED = (
    Alert, AlertRule, ApproverGroup, BatchDecision, Budget, BusinessCalendar, Cap, ColleagueAddress, ComplianceFlag,
    DecisionPolicy, EvidenceExport, Export, ExportSchedule, FlowServer, IdentityProvider, LegalHold, LinkPolicy,
    ModelCall, ModelRoute, NotificationPreference, NotificationTemplate, OverrideReview, RetentionChoice, RiskPolicy,
    Role, Simulation,
)  # fmt: skip
IN_THE_API = {
    "approval_id": "hitl.approval",
    "workflow_id": "hitl.approvalworkflow",
    "simulation_id": "hitl.simulation",
    "switch_id": "hitl.killswitch",
    "group_id": "hitl.approvergroup",
    "calendar_id": "hitl.businesscalendar",
    "cap_id": "hitl.cap",
    "flag_id": "hitl.complianceflag",
    "letter_id": "core.deadletter",
    "delegation_id": "hitl.delegation",
    "batch_id": "hitl.batchdecision",
    "export_id": "hitl.evidenceexport",
    "list_export_id": "analytics.export",
    "alert_rule_id": "analytics.alertrule",
    "alert_id": "analytics.alert",
    "schedule_id": "analytics.exportschedule",
    "person_request_id": "analytics.personrequest",
    "conversation_id": "conversations.conversation",
    "contact_id": "conversations.contact",
    "fact_id": "agents.contactfact",
    "consent_id": "core.consent",
    "team_id": "conversations.team",
    "rule_id": "conversations.triagerule",
    "tag_id": "conversations.tag",
    "field_id": "conversations.customfield",
    "reply_id": "conversations.cannedreply",
    "file_id": "conversations.cannedfile",
    "suggestion_id": "conversations.suggestedreply",
    "survey_id": "conversations.survey",
    "macro_id": "conversations.macro",
    "note_id": "conversations.note",
    "template_id": "conversations.messagetemplate",
    "account_id": "conversations.channelaccount",
    "delivery_id": "core.webhookdelivery",
    "endpoint_id": "integrations.webhooksubscription",
    "destination_id": "integrations.auditdestination",
    "connection_id": "integrations.provideraccount",
    "tenant_id": "accounts.tenant",
    "agent_id": "agents.agent",
    "run_id": "agents.agentrun",
    "collection_id": "agents.collection",
    "topic_id": "agents.collection",
    "article_id": "agents.document",
    "question_id": "agents.openquestion",
    "site_id": "agents.site",
    "document_id": "agents.document",
    "route_id": "agents.modelroute",
    "server_id": "agents.flowserver",
    "trial_id": "agents.trial",
    "case_id": "agents.evalcase",
    "answer_rule_id": "agents.answerrule",
    "check_id": "agents.evalrun",
    "budget_id": "agents.budget",
    "call_id": "agents.toolcall",
    "erasure_id": "core.erasure",
    "hold_id": "core.legalhold",
    "membership_id": "accounts.membership",
    "role_id": "accounts.role",
    "invitation_id": "accounts.invitation",
    "notice_id": "accounts.notice",
    "view_id": "accounts.savedview",
    "share_id": "accounts.share",
    "attachment_id": "conversations.attachment",
}
dead_letters.register_replayer(LETTERS, lambda _ref: None)


@dataclass
class Town:
    """The world, and the ids of the first tenant's objects by the model's label."""

    world: World
    ids: dict[str, UUID]
    widget_key: str
    digest: str

    def arguments(self, name: str, route: str) -> dict[str, Any]:
        """Return what fills the pattern of a URL."""
        if "<str:secret>" in route:
            return {"secret": f"{self.widget_key}.not-one-of-ours"}
        if "<str:key>" in route:
            found: dict[str, Any] = {"key": self.widget_key}
            found |= {"language": "en"} if "<str:language>" in route else {}
            found |= {"slug": "an-article"} if "<slug:slug>" in route else {}
            return found | {kind: self.ids[IN_THE_API[kind]] for kind in re.findall(r"<uuid:(\w+)>", route)}
        if "<slug:slug>" in route:
            return {"slug": "nobody-there"}
        if "<path:rest>" in route:
            return {"rest": "Users"}
        if "<str:token>" in route:
            return {"token": "not-one-of-ours"}
        if "<int:pk>" in route:
            return {"pk": 1}
        if "<slug:key>" in route:
            return {"key": "approvals"}
        if "<slug:group>" in route:
            return {"group": "agents-and-models"}
        if "<slug:metric>" in route:
            return {"metric": "requests"}
        if "<uuid:message_id>" in route:
            team = {"team_id": self.ids["conversations.team"]} if "<uuid:team_id>" in route else {}
            return {**team, "message_id": self.world.acme.pk}
        if "object_id" in route:
            named = name.removeprefix("admin:")
            label = next(label for label in self.ids if named.startswith(f"{label.replace('.', '_')}_"))
            more = {kind: self.ids[IN_THE_API[kind]] for kind in re.findall(r"<uuid:((?:attachment|file)_id)>", route)}
            return {"object_id": self.ids[label], **more}
        return {kind: self.ids[IN_THE_API[kind]] for kind in re.findall(r"<uuid:(\w+)>", route)}

    def form(self) -> dict[str, Any]:
        """Return every field that any form asks for, well filled."""
        return {
            "digest": self.digest,
            "reason": "Because of the plan.",
            "outcome": "failed",
            "evidence": "The journal.",
            "text": "Hello",
            "resolved": "yes",
            "fields_wanted": ["messages", "contact"],
            "role": "compliance",
            "name": "Key",
            "days": "10",
            "scopes": ["hitl.view_approval"],
            "tenant": str(self.world.acme.pk),
            "username": "nobody@globex.example",
            "password": "a wrong password",
        }


def build_town(world: World) -> Town:
    """Fill the first tenant: every page has its object and every table its row."""
    with tenant_scope(world.acme.pk):
        levels = [{"name": MARK, "mode": "any", "approvers": [{"type": "role", "value": "approver"}]}]
        owner = world.actor("owner")
        flow = create_workflow(actor=owner, name=f"{MARK} budgets", levels=levels, is_default=True)
        widget = ChannelAccount.objects.create(kind="webchat", name="Public desk")
        approval = _ask_in_a_conversation(world)
        user = world.people["viewer"]
        key, _secret = create_api_key(
            actor=owner, user=world.people["owner"], name=f"{MARK} key", scopes=["hitl.view_approval"]
        )
        letter = dead_letters.park(kind=LETTERS, ref=uuid4(), error=f"{MARK} failed")
        ensure_default_agents()
        Agent.objects.update(name=f"{MARK} agent")
        fill_every_table(user)
        Availability.objects.update(reason=MARK)
        LegalHold.objects.update(lifted_at=now())  # or nobody could be erased
        rows = [flow, approval, key, letter, Conversation.objects.earliest("id"), Agent.objects.earliest("id")]
        rows += [AgentRun.objects.earliest("id"), AuditEntry.objects.earliest("seq")]
        rows += [ChannelAccount.objects.get(kind="sms"), Membership.objects.get(user=user)]
        rows += [Invitation.objects.get(), Notice.objects.create(person=user, kind="tests", title=f"{MARK} notice")]
        rows += [
            SavedView.objects.create(person=user, list_key="hitl.approval", name=f"{MARK} view", query="risk=high")
        ]
        given = {"kind": "agent", "object_id": Agent.objects.earliest("id").pk}
        Share.objects.update(**given, shared_by=world.people["owner"])
        rows += [
            Share.objects.get(),
            Brief.objects.get(),
            BriefPreference.objects.get(),
            _a_dashboard(user),
            user,
            _a_session(user),
        ]
        rows += [_a_device(user), Tier.objects.create(name="Large")]
        rows += [Delegation.objects.earliest("id"), Erasure.objects.get()]
        rows += [KillSwitch.objects.earliest("id"), Contact.objects.earliest("id"), ToolCall.objects.earliest("id")]
        rows += [_a_file(), _a_mail(), *_a_webhook(), *_a_connection(), Consent.objects.earliest("id")]
        rows += [ConsentWording.objects.earliest("id"), _a_person_request(user)]
        rows += [AuditDestination.objects.earliest("id")]
        rows += [
            MessageTemplate.objects.earliest("id"),
            _a_draft(),
            _a_payment(),
            _a_survey(),
            Note.objects.earliest("id"),
            _a_macro(),
            Collection.objects.earliest("id"),
            Document.objects.earliest("id"),
            OpenQuestion.objects.earliest("id"),
            Site.objects.earliest("id"),
            _a_help_centre(widget),
            _a_trial(world),
            _a_fact(),
            Team.objects.earliest("id"),
            CannedReply.objects.earliest("id"),
            _a_canned_file(),
            Tag.objects.earliest("id"),
            CustomField.objects.earliest("id"),
            TriageRule.objects.earliest("id"),
            AnswerRule.objects.earliest("id"),
            Availability.objects.earliest("id"),
            *_a_check(world),
        ]
        rows += [model.objects.earliest("id") for model in DEFINED]
        ids = {row._meta.label_lower: row.pk for row in (world.acme, *rows)}
        return Town(world, ids, widget.public_key, approval.digest)


def _a_session(user: User) -> BrowserSession:
    """One in which the person is signed in elsewhere."""
    Client().force_login(user, backend="accounts.backends.RoleBackend")
    return BrowserSession.objects.get(user=user)


def _a_person_request(user: User) -> PersonRequest:
    """What a customer asked of their data, with a colleague who works on it."""
    said = {"wish": f"{MARK} wants a copy, sent to q@acme.example", "handler": user, "opened_by": user}
    PersonRequest.objects.update(contact=Contact.objects.earliest("id"), **said)
    row: PersonRequest = PersonRequest.objects.earliest("id")
    return row


def _a_device(user: User) -> TokenFamily:
    """One on which the person is signed in to the API."""
    begun = families.begin(user=user, strength="password", address="", user_agent="")
    found: TokenFamily = TokenFamily.objects.get(pk=begun.family_id)
    return found


def _a_payment() -> TransactionDraft:
    """A payment that a customer was asked to confirm."""
    return TransactionDraft.objects.create(
        conversation=Conversation.objects.earliest("id"),
        connection=ProviderAccount.objects.earliest("id"),
        vendor_id="d-1",
        digest="0" * 64,
        amount="12.00",
        currency="EUR",
        **dict.fromkeys(("customer", "description", "recipient", "destination"), MARK),
        expires_at=now() + timedelta(minutes=30),
        card_seq=1,
        agent_id=Agent.objects.earliest("id").pk,
    )


def _a_connection() -> list[ProviderAccount | ProviderCall]:
    """A connection with a system that is known here, and a call over it."""
    row: ProviderAccount = ProviderAccount.objects.earliest("id")
    ProviderAccount.objects.filter(pk=row.pk).update(provider="sandbox_ads", is_active=True, choices=[])
    return [row, ProviderCall.objects.earliest("id")]


def _a_webhook() -> list[WebhookDelivery | WebhookSubscription]:
    """An event for one of the organisation's own endpoints."""
    subscription = WebhookSubscription.objects.get()
    endpoint = {"purpose": "events", "ref": subscription.pk, "state": "active", "url": "https://93.184.216.34/hook"}
    WebhookEndpoint.objects.filter(pk=subscription.endpoint_id).update(**endpoint)
    WebhookDelivery.objects.update(endpoint=subscription.endpoint_id, state="waiting", done_at=None, body="{}")
    return [WebhookDelivery.objects.get(), subscription]


def _a_help_centre(widget: ChannelAccount) -> HelpCentre:
    """A public one beside the web chat, without an article that everybody may read."""
    HelpCentre.objects.update(channel_account=widget, title=HELP_TITLE, language="en", colour="#155e4c", is_public=True)
    Collection.objects.update(audience=Collection.Audience.MEMBERS)
    centre: HelpCentre = HelpCentre.objects.get()
    return centre


def _a_draft() -> SuggestedReply:
    """A reply that an agent wrote and did not send."""
    draft: SuggestedReply = SuggestedReply.objects.earliest("id")
    SuggestedReply.objects.filter(pk=draft.pk).update(state="open")
    return draft


def _a_dashboard(user: User) -> FigureDashboard:
    FigureDashboard.objects.all().delete()
    return FigureDashboard.objects.create(
        owner=user, name=f"{MARK} board", cards=["conversations.tile.messages_in"], is_shared=True
    )


def _a_macro() -> Macro:
    """A macro of everybody."""
    Macro.objects.update(owner=None, team=None, name=f"{MARK} macro", steps={"close": {"resolved": True}})
    macro: Macro = Macro.objects.earliest("id")
    return macro


def _a_survey() -> Survey:
    """What a customer said."""
    said = f"{MARK} was slow"
    Survey.objects.update(asked_at=now(), answered_at=now(), rating=2, comment=said, masked_comment=said)
    survey: Survey = Survey.objects.earliest("id")
    return survey


def _a_fact() -> ContactFact:
    """Something that the contact said, with the mark only in clear."""
    contact = Contact.objects.earliest("id")
    message = Message.objects.filter(conversation__contact=contact).earliest("id")
    fact: ContactFact = ContactFact.objects.create(
        contact=contact, kind="company", value=f"{MARK} Ltd", masked_value=f"{MARK} Ltd", message=message
    )
    return fact


def _a_trial(world: World) -> Trial:
    """A trial of the owner's own, which nobody else may see."""
    version = AgentVersion.objects.earliest("id")
    trial: Trial = Trial.objects.create(
        agent=version.agent, version=version, person=world.people["owner"], speaker="public"
    )
    trial.turns.create(number=1, said=f"{MARK} hello", state="answered")
    return trial


def _a_check(world: World) -> list[EvalCase | EvalRun]:
    """A case, and a run that judged it."""
    version, said = AgentVersion.objects.earliest("id"), {"says": [f"{MARK} hello"], "expects": {"cites": False}}
    case = EvalCase.objects.create(
        agent=version.agent, name=f"{MARK} case", document={"speaker": "public", "name": MARK, **said}
    )
    run = EvalRun.objects.create(
        agent=version.agent, version=version, person=world.people["owner"], kind="cases", state="finished"
    )
    run.results.create(number=1, document=case.document, name=case.name, said=MARK, passed=True, finished_at=now())
    return [case, run]


def _a_file() -> Attachment:
    message = Message.objects.filter(conversation=Conversation.objects.earliest("id")).earliest("id")
    return Attachment.objects.create(message=message, content_type="image/png", filename=f"{MARK}.png")


def _a_canned_file() -> CannedFile:
    CannedReply.objects.update(translations={"de": f"{MARK} Hallo"})
    CannedFile.objects.all().delete()
    file = CannedFile(reply=CannedReply.objects.earliest("id"), content_type="application/pdf", filename=f"{MARK}.pdf")
    file.content = b64encode(b"%PDF-1.7").decode()
    file.save()
    return file


def _a_mail() -> MailDelivery:
    """A mail whose type bears the mark: what a mail says is shown nowhere."""
    address = "q@acme.example"
    facts = {"subject": f"{MARK} subject", "text": f"{MARK} text", "recipient": address}
    return queue_mail(NewMail(type=MARK, key="town", **facts))


def _ask_in_a_conversation(world: World) -> Approval:
    line = ChannelAccount.objects.create(kind="sms", provider="twilio", name=f"{MARK} line", address="+34900000000")
    text = f"{MARK} zoo here, mail q@acme.example or call +34 600 999 111, card 4111 1111 1111 1111"
    chat = write_in(line, text, value="+34 600 999 111")
    talk.reply(actor=OPERATOR, conversation_id=chat, draft=Draft(text=f"{MARK} it is"))
    origin = {"conversation_id": chat, "notes": f"{MARK} asks"}
    return ask(world, params={"campaign": f"{MARK} Sale"}, origin=origin)
