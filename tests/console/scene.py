"""Rows that make every page of the console worth looking at."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from agents.models import Agent, AgentVersion
from agents.studio.evals.models import EvalRun
from agents.studio.trials.models import Trial
from conversations import services as talk
from conversations.models import ChannelAccount
from conversations.services import Draft
from conversations.types import InboundMessage, SenderIdentity
from core.actors import Actor, system
from core.clock import now
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.actions import registry
from hitl.actions.base import (
    ActionKind,
    Compensation,
    Estimate,
    Facts,
    Money,
    Origin,
    Outcome,
    Params,
    Preview,
    PreviewRow,
)
from hitl.models import Approval
from tests.world import World

PHONE = "+34 600 123 456"
EMAIL = "ana.garcia@customer.example"
NAME = "Ana García"
DOOR = system("test-door")


class BudgetParams(Params):
    """A budget of a campaign that does not exist."""

    campaign: str
    budget: Money
    reach: int = 0


class Budget(ActionKind[BudgetParams]):
    """Raises a budget of 100 nowhere."""

    key, title, keyed, base_risk = "console_budget", "Set a daily budget", True, 10
    params_model = BudgetParams

    def observe(self, params: BudgetParams) -> Facts:
        """The world is always the same."""
        named = {"campaign_id": "cam_1001", "campaign_name": params.campaign, "currency": "EUR"}
        return {**named, "daily_budget": "100.00", "status": "running", "spent_today": "41.20"}

    def preview(self, params: BudgetParams, facts: Facts) -> Preview:
        """Show the budget before and after."""
        after = f"{params.budget:,.2f} EUR"
        rows = [PreviewRow("Daily budget", "100.00 EUR", after), PreviewRow("Status", "running", "running")]
        return Preview(f"Raise the daily budget of {params.campaign} to {after}", rows)

    def estimate(self, params: BudgetParams, facts: Facts) -> Estimate:
        """Cost is the new budget."""
        share = (params.budget - 100) / Decimal(100)
        return Estimate(params.budget, "EUR", share, params.reach or None)

    def compensation(self, params: BudgetParams, facts: Facts) -> Compensation:
        """Put back the budget of 100."""
        words = f"It can be undone by a request that sets the budget of {params.campaign} back to 100.00 EUR."
        return Compensation(words, self.key, {**params.model_dump(), "budget": "100.00"}, {"daily_budget": "100"})

    def subject_key(self, params: BudgetParams) -> str:
        """Name the campaign."""
        return f"campaign:{params.campaign}"

    def execute(self, params: BudgetParams, *, idempotency_key: str) -> Outcome:
        """Do nothing, well."""
        return Outcome("succeeded")


registry.register(Budget)


@dataclass
class Scene:
    """The world with something on every page."""

    world: World
    ids: dict[str, UUID] = field(default_factory=dict)

    def path(self, name: str) -> str:
        """Return the path of a named page."""
        paths = {
            "login": "/admin/login/",
            "dashboard": "/admin/",
            "queue": "/admin/hitl/approval/",
            "approval": f"/admin/hitl/approval/{self.ids.get('approval')}/",
            "decided": f"/admin/hitl/approval/{self.ids.get('decided')}/",
            "conversations": "/admin/inbox/?view=all",
            "conversation": f"/admin/conversations/conversation/{self.ids.get('conversation')}/",
            "brief": "/admin/analytics/brief/",
            "brief settings": "/admin/analytics/brief/settings/",
            "notifications": "/admin/hitl/notificationpreference/",
            "message texts": "/admin/hitl/notificationtemplate/",
            "message text": "/admin/hitl/notificationtemplate/write/",
            "notification settings": "/admin/hitl/notificationpreference/settings/",
            "audit": "/admin/core/auditentry/",
            "trial": f"/admin/agents/agent/{self.ids.get('agent')}/try/?trial={self.ids.get('trial')}",
            "check": f"/admin/agents/agent/{self.ids.get('agent')}/checks/?run={self.ids.get('check')}",
            "people": "/admin/accounts/membership/",
        }
        return paths[name]


def add_workflow(world: World, level: dict[str, Any] | None = None, **conditions: Any) -> None:
    """Let the approver and the admin of the first tenant sign everything."""
    approvers = [{"type": "role", "value": "approver"}, {"type": "role", "value": "admin"}]
    levels = [{"name": "Marketing", "mode": "any", "approvers": approvers, **(level or {})}]
    services.create_workflow(actor=world.actor("owner"), name="Budgets", levels=levels, is_default=True, **conditions)


def _try_an_agent(world: World) -> Trial:
    """Let the admin have tried an agent that wanted something approved."""
    agent = Agent.objects.create(name="Budgets", type="custom", category="advertising")
    version = AgentVersion.objects.create(agent=agent, number=1, is_draft=True, name="Budgets")
    trial: Trial = Trial.objects.create(
        agent=agent, version=version, person=world.people["admin"], speaker=Trial.Speaker.MEMBER
    )
    level = {"name": "Marketing", "mode": "any", "required": 1, "people": [str(world.people["approver"].pk)]}
    approval = {
        "headline": "Raise the daily budget", "cost": "900", "currency": "EUR", "risk_level": "high", "score": 60,
        "workflow": "Budgets", "rule": "", "verdict": "", "levels": [{**level, "satisfiable": True}],
    }  # fmt: skip
    step = {
        "kind": "asks", "tool": "set_campaign_budget", "title": "Set a daily budget", "round": 1, "milliseconds": 12,
        "arguments": {"campaign": "Summer Sale"}, "result": {"sentence": "This would need approval."}, "code": "",
        "approval": approval,
    }  # fmt: skip
    trial.turns.create(
        number=1, said="Raise it to 900", answer="This would need approval.", stopped="It is approved.",
        steps=[step], state="answered", error_code="gate_claim",
    )  # fmt: skip
    return trial


def _check_it(trial: Trial) -> EvalRun:
    """Let a case of the agent have failed."""
    run: EvalRun = EvalRun.objects.create(
        agent=trial.agent, version=trial.version, person=trial.person, kind="cases", state="finished"
    )
    run.results.create(
        number=1, name="Budgets need approval", is_must=True, said="Raise it", answer="Done", passed=False,
        misses=[{"code": "contains", "about": "Done"}], finished_at=now(),
    )  # fmt: skip
    return run


def ask(world: World, role: str = "support", **fields: Any) -> Approval:
    """Let the person of a role ask for a budget; inside the first tenant's scope."""
    params = {"campaign": "Summer Sale", "budget": "900.00", **fields.pop("params", {})}
    origin = Origin(channel="webchat", **fields.pop("origin", {}))
    return services.propose(actor=world.actor(role), kind=Budget.key, params=params, origin=origin, **fields)


def write_in(account: ChannelAccount, text: str, value: str = PHONE, **fields: Any) -> UUID:
    """Let somebody write; returns the conversation."""
    sender = SenderIdentity(kind="phone", value=value, verified=True, display_name=NAME)
    inbound = InboundMessage(channel_account_id=account.pk, sender=sender, text=text)
    conversation_id: UUID = talk.receive(actor=DOOR, inbound=inbound, **fields).conversation_id
    return conversation_id


def build_scene(world: World) -> Scene:
    """Fill the first tenant: conversations with and without people, approvals of each risk."""
    scene = Scene(world)
    with tenant_scope(world.acme.pk):
        add_workflow(world)
        line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900000000")
        _talk(scene, line)
        _approvals(scene, world)
    return scene


def _talk(scene: Scene, line: ChannelAccount) -> None:
    agent = Actor(kind="agent", id=UUID(int=7), name="paid_ads", role="agent")
    ago = now() - timedelta(minutes=24)
    chat = write_in(line, f"Hi, I am Ana. Mail me at {EMAIL} or call {PHONE}.", now=ago)
    answer = "Summer Sale runs at 100.00 EUR a day. What would you like to change?"
    talk.reply(actor=agent, conversation_id=chat, draft=Draft(text=answer), now=ago + timedelta(seconds=9))
    write_in(line, "Raise the daily budget of Summer Sale to 900.", now=ago + timedelta(minutes=2))
    lost = write_in(line, "I want to talk to a person, please.", value="+34 611 000 111")
    talk.hand_off(actor=agent, conversation_id=lost, reason="asked_for_person")
    write_in(line, "When do you open tomorrow?", value="+34 622 000 222")
    scene.ids.update(conversation=chat, lost=lost)


def _approvals(scene: Scene, world: World) -> None:
    origin = {"conversation_id": scene.ids["conversation"]}
    note = {"notes": f"The customer {EMAIL} asks for it."}
    scene.ids["approval"] = ask(world, origin={**origin, **note}).pk
    earlier = now() - timedelta(hours=30)
    ask(world, params={"campaign": "Autumn Launch", "budget": "25000.00", "reach": 80000}, now=earlier)
    ask(world, params={"campaign": "Newsletter", "budget": "110.00"})
    ask(world, "approver", params={"campaign": "Search Basics", "budget": "3000.00"})
    for verdict in ("approve", "reject"):
        row = ask(world, params={"campaign": f"Old {verdict}", "budget": "400.00"})
        decided = services.decide(
            actor=world.actor("approver"),
            approval_id=row.pk,
            verdict=verdict,  # type: ignore[arg-type]
            digest=row.digest,
            reason="The month's budget is spent." if verdict == "reject" else "Fits the plan.",
        )
        scene.ids["decided"] = decided.pk
        tried = _try_an_agent(world)
        scene.ids.update(agent=tried.agent_id, trial=tried.pk)
        scene.ids["check"] = _check_it(tried).pk
