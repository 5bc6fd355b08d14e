"""An organisation with one row behind every endpoint, and callers with keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.test import Client

from accounts import saved_views
from accounts.members.own_roles import RoleSettings, create_role
from accounts.models import Notice
from accounts.permissions.roles import permissions_of
from accounts.services import create_api_key
from agents.answering.routing import rules as answer_rules
from agents.knowledge.services import create_collection, write_article
from agents.langflow.connection import connect_server
from agents.llm.routes.configuration import RouteSetup, create_route
from agents.llm.routes.limits import create_budget
from agents.memory.models import ContactFact
from agents.models import Agent, AgentRun, AgentVersion, OpenQuestion, Site, ToolCall
from agents.studio.evals.case_services import keep_case
from agents.studio.evals.runs import start_checks
from agents.studio.trials.turns import start_trial
from conversations import services as talk
from conversations.custom_fields.definitions import FieldSettings, create_custom_field
from conversations.inbox import tags
from conversations.inbox.teams import teams
from conversations.inbox.threads import notes, team_chat
from conversations.inbox.triage import triage
from conversations.messages.files.rules import Upload
from conversations.models import ChannelAccount, Conversation, MessageTemplate, Survey
from conversations.replies import canned_replies, macros
from conversations.types import InboundMessage, SenderIdentity
from core import notices
from core.actors import system
from core.clock import now
from core.models import WebhookDelivery
from core.tenancy.scope import tenant_scope
from core.webhooks import deliveries
from hitl import services
from hitl.actions.base import Origin
from hitl.execution.kill_switch_activation import activate_kill_switch
from hitl.models import Approval, ApprovalWorkflow, KillSwitch
from hitl.policy.limits.flags import create_flag
from hitl.simulation.runs import start_simulation, stop_simulation
from integrations.models import AuditDestination, ProviderAccount, ProviderCall
from integrations.outgoing_webhooks.services import EndpointSettings, create_endpoint
from tests import files
from tests.console import scene  # registers the kind `console_budget`
from tests.world import OPERATOR, World

KIND = scene.Budget.key
PHONE = "+34 600 123 456"
V1 = "/api/v1/"


class Caller:
    """A program with an API key."""

    def __init__(self, secret: str) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, **query: Any) -> Any:
        """Ask for an address below `/api/v1/`."""
        return self.client.get(V1 + path, query, headers=self.headers)

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Send JSON; `key` is the idempotency key."""
        headers = {**self.headers, **({} if key is None else {"Idempotency-Key": key})}
        content: Any = {} if body is None else body
        return self.client.post(V1 + path, content, content_type="application/json", headers=headers)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Send JSON by another method, such as `put`."""
        content: Any = {} if body is None else body
        call = getattr(self.client, method)
        return call(V1 + path, content, content_type="application/json", headers=self.headers)

    def next(self, answer: Any) -> Any:
        """Follow the address of the next page."""
        return self.client.get(answer.json()["next"], headers=self.headers)


@dataclass
class Office:
    """The world, the ids of the first tenant's rows, and keys for its people."""

    world: World
    ids: dict[str, UUID] = field(default_factory=dict)

    def key(self, role: str, scopes: Sequence[str] = ()) -> str:
        """Return a key of the person of the role, with all that the role allows unless told otherwise."""
        return self._key(self.world.acme.pk, self.world.people[role], role, scopes)

    def caller(self, role: str, scopes: Sequence[str] = ()) -> Caller:
        """Return a program of the person of the role."""
        return Caller(self.key(role, scopes))

    def outsider(self, role: str = "owner") -> Caller:
        """Return a program of the other tenant."""
        return Caller(self._key(self.world.globex.pk, self.world.outsiders[role], role, ()))

    def _key(self, tenant_id: UUID, user: Any, role: str, scopes: Sequence[str]) -> str:
        with tenant_scope(tenant_id):
            wanted = list(scopes or permissions_of(role))
            return create_api_key(actor=OPERATOR, user=user, name="Test", scopes=wanted)[1]

    def browser(self, role: str) -> Client:
        """Return a browser in which the person of the role is signed in."""
        client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        client.force_login(self.world.people[role], backend="accounts.backends.RoleBackend")
        return client

    def propose(self, campaign: str = "Sale", **origin: Any) -> Approval:
        """Ask for a budget, as the person of support."""
        params = {"campaign": campaign, "budget": "9000.00"}
        with tenant_scope(self.world.acme.pk):
            actor = self.world.actor("support")
            asked = Origin(requester_user_id=actor.user_id, **origin)
            return services.propose(actor=actor, kind=KIND, params=params, origin=asked)

    def stored(self, approval_id: UUID) -> Approval:
        """Return the approval as it is now."""
        with tenant_scope(self.world.acme.pk):
            found: Approval = Approval.objects.get(pk=approval_id)
            return found

    def write_in(self, text: str = f"I am at {PHONE}", value: str = PHONE) -> UUID:
        """Let a customer write by phone; returns the conversation."""
        with tenant_scope(self.world.acme.pk):
            line = ChannelAccount.objects.get(kind="whatsapp")
            sender = SenderIdentity(kind="phone", value=value, verified=True, display_name="Ana García")
            inbound = InboundMessage(channel_account_id=line.pk, sender=sender, text=text)
            found: UUID = talk.receive(actor=system("test-door"), inbound=inbound).conversation_id
            return found

    def run(self, conversation_id: UUID) -> UUID:
        """Record a run with one tool call; returns the run."""
        with tenant_scope(self.world.acme.pk):
            agent = Agent.objects.create(name="Relay", type="custom", category="content")
            version = AgentVersion.objects.create(agent=agent, number=1, name="Relay")
            AgentVersion.objects.create(agent=agent, number=2, name="Relay", is_draft=True)
            Agent.objects.filter(pk=agent.pk).update(active_version=version)
            run = AgentRun.objects.create(
                conversation_id=conversation_id, agent_version=version, trigger_ref=uuid4(), state="finished"
            )
            call = ToolCall.objects.create(run=run, call_id="1", name="look", arguments={"who": PHONE})
            self.ids.update(agent=agent.pk, run=run.pk, call=call.pk)
            found: UUID = run.pk
            return found


def build_office(world: World) -> Office:
    """Fill the first tenant; the second has a workflow and nothing else."""
    office = Office(world)
    office.ids.update({role: user.pk for role, user in world.people.items()})
    signers = [{"type": "role", "value": role} for role in ("approver", "admin")]
    levels = [{"approvers": signers, "editable_fields": ["budget"]}]
    with tenant_scope(world.globex.pk):
        services.create_workflow(actor=OPERATOR, name="All", is_default=True, levels=levels)
    with tenant_scope(world.acme.pk):
        services.create_workflow(actor=OPERATOR, name="All", is_default=True, levels=levels)
        account = ChannelAccount.objects.create(
            kind="whatsapp",
            provider="twilio",
            name="Line",
            address="+34900000000",
            credentials={"token": "very secret"},
        )
        chat = ChannelAccount.objects.create(kind="webchat", name="Chat")
        office.ids.update(account=account.pk, chat=chat.pk, workflow=ApprovalWorkflow.objects.get().pk)
        template = MessageTemplate.objects.create(
            channel_account=account, name="update", language="en", provider_id="HX1", state="approved", body="{{1}}"
        )
        office.ids["template"] = template.pk
    office.ids["conversation"] = office.write_in()
    approval = office.propose(notes=f"Call me at {PHONE}")
    office.ids["approval"] = approval.pk
    office.run(office.ids["conversation"])
    with tenant_scope(world.acme.pk):
        draft = talk.suggest_reply(
            actor=OPERATOR, conversation_id=office.ids["conversation"], text="Within 60 days.", reason="low_confidence"
        )
        office.ids["suggestion"] = draft.pk
        told = notes.add_note(actor=world.actor("support"), conversation_id=draft.conversation_id, text="Ann is here")
        office.ids["note"] = told.pk
        rated = Survey.objects.create(conversation_id=draft.conversation_id, rating=4, answered_at=now())
        office.ids["survey"] = rated.pk
        steps = macros.MacroSettings("Urgent", {"priority": {"priority": 4}})
        hook = EndpointSettings("Warehouse", "https://93.184.216.34/hook")
        made = create_endpoint(actor=world.actor("owner"), wanted=hook).subscription
        office.ids["endpoint"] = made.pk
        kept = {"provider": "sandbox_ads", "name": "Shoes", "credentials": {"token": "none"}}
        office.ids["connection"] = ProviderAccount.objects.create(**kept).pk
        goes_to = {"name": "SIEM", "kind": "https", "address": "https://127.0.0.1:1/in", "token": "very secret"}
        office.ids["destination"] = AuditDestination.objects.create(**goes_to).pk
        office.ids["webhook"] = deliveries.queue_delivery(endpoint=made.endpoint, event_type="test", event={}).pk
        WebhookDelivery.objects.update(state="delivered", done_at=now())
        shop = ProviderAccount.objects.create(
            provider="sandbox_ads", name="Main", credentials={"token": "t"}, is_active=False
        )
        ProviderCall.objects.create(connection=shop, operation="list_campaigns", outcome="answered", status=200)
        office.ids["macro"] = macros.create_macro(actor=world.actor("owner"), wanted=steps).pk
        owner = world.actor("owner")
        seats = [teams.Seat(world.people["support"].pk)]
        care = teams.create_team(actor=owner, settings=teams.TeamSettings(name="Care"), seats=seats)
        office.ids["team"] = care.pk
        said = team_chat.write_to_team(actor=owner, team_id=care.pk, text="Standup at ten")
        office.ids["team_message"] = said.pk
        sort = triage.RuleSettings(name="Refunds", condition='"refund" in words', priority=3)
        who = answer_rules.AnswerSettings(name="Website", channel_account_id=chat.pk)
        office.ids["answer_rule"] = answer_rules.create_answer_rule(actor=owner, settings=who).pk
        office.ids["rule"] = triage.create_triage_rule(actor=owner, settings=sort).pk
        office.ids["tag"] = tags.create_tag(actor=owner, name="Returns").pk
        for subject, key in (("contact", "town"), ("conversation", "order")):
            made = create_custom_field(
                actor=owner, subject=subject, key=key, kind="text", settings=FieldSettings(name=key)
            )
            office.ids["field"] = made.pk
        office.ids["other_tag"] = tags.create_tag(actor=owner, name="Refunds").pk
        hello = canned_replies.CannedText("hello", "Hello", "Hello {{ first_name }}, this is {{ my_name }}.")
        label = Upload("label.pdf", files.PDF)
        canned = canned_replies.create_canned_reply(actor=owner, wanted=hello, files=[label])
        office.ids.update(canned=canned.pk, canned_file=canned.files.get().pk)
        night = RoleSettings("Night lead", permissions_of("viewer"))
        office.ids["role"] = create_role(actor=owner, settings=night).pk
        office.ids["group"] = services.create_group(actor=owner, name="Leads", people=[]).pk
        week = {"mon": [["09:00", "17:00"]]}
        office.ids["calendar"] = services.create_calendar(actor=owner, name="Office", zone="UTC", week=week).pk
        office.ids["cap"] = services.create_cap(
            actor=owner, scope="all", currency="EUR", amount="90000", window="day"
        ).pk
        setup = RouteSetup("Inside", "m", base_url="https://127.0.0.1:9/v1", is_free=True)
        server = connect_server(actor=owner, base_url="https://langflow.example", key="k")
        office.ids["server"] = server.pk
        office.ids["route"] = create_route(actor=owner, setup=setup).pk
        office.ids["budget"] = create_budget(actor=owner, scope="tenant", period="day", amount="5", currency="EUR").pk
        office.ids["flag"] = create_flag(actor=owner, name="watched", label="Watched").pk
        tried = start_simulation(actor=owner, what="risk", draft={"weights": {"cost": 2}}, days=30)
        office.ids["simulation"] = stop_simulation(actor=owner, simulation_id=tried.pk).pk
        viewer = world.people["viewer"].pk
        shelf = create_collection(actor=owner, name="Help", audience="public")
        article = write_article(actor=owner, collection_id=shelf.pk, title="Returns", text="Within 30 days.")
        asked = OpenQuestion.objects.create(text="Do you sell tents?", words=["tents"], asked=1)
        tried_agent = Agent.objects.filter(active_version__isnull=False).earliest("id")
        trial = start_trial(actor=world.actor("admin"), agent_id=tried_agent.pk, speaker="public", text="Hello")
        office.ids["trial"] = trial.pk
        document = {"name": "Hello", "says": ["Hello"], "expects": {"brings_person": False}}
        office.ids["case"] = keep_case(actor=owner, agent_id=tried_agent.pk, document=document).pk
        office.ids["check"] = start_checks(actor=owner, agent_id=tried_agent.pk).pk
        site = Site.objects.create(collection=shelf, address="https://help.example/", state="ready")
        office.ids.update(collection=shelf.pk, document=article.pk, question=asked.pk, site=site.pk)
        notices.leave(people=[viewer], kind="approval", title="BR-1 needs you", link="/admin/")
        mine = {"list_key": "hitl.approval", "name": "Mine", "query": "state=pending"}
        office.ids["view"] = saved_views.save_view(actor=world.actor("viewer"), **mine).pk
        office.ids["notice"] = Notice.objects.get(person_id=viewer).pk
        contact_id = office.ids["contact"] = Conversation.objects.get().contact_id
        said = ContactFact.objects.create(contact_id=contact_id, kind="company", value="Acme", masked_value="Acme")
        office.ids["fact"] = said.pk
        switch = activate_kill_switch(
            actor=world.actor("compliance"), scope="kind", target="publish_content", reason="Drill"
        )
        office.ids["switch"] = switch.pk
    return office


def switches(office: Office) -> int:
    """Return how many switches are active."""
    with tenant_scope(office.world.acme.pk):
        return KillSwitch.objects.filter(released_at=None).count()
