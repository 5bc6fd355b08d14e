"""A hall with both kinds of doors: people with browsers and keys around requests in every state."""

from dataclasses import dataclass
from time import time
from typing import Any
from uuid import UUID

from django.test import Client
from django.urls import reverse

from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.actions.base import Origin
from hitl.approvals.change.holds import hold
from hitl.approvals.decide.questions import ask, send_back
from hitl.models import Approval, Decision
from tests.api.office import V1, Caller, Office
from tests.hitl.kit.doors import Door
from tests.hitl.kit.effects import Effects
from tests.hitl.kit.scene import roles
from tests.world import OPERATOR, World

LEVELS = [{"approvers": roles("approver", "admin"), "editable_fields": ["amount"]}]
ESCALATION = [{"after_hours": 2, "add": roles("owner")}]
FACTOR = {"method": "mfa", "at": time(), "type": "totp"}


@dataclass
class Hall:
    """The first tenant, with a workflow that allows every move."""

    world: World
    effects: Effects

    def begin(self, state: str, button: str = "red") -> Approval:
        """Return a request of the person of support that stands where a move begins."""
        kind = "test_press_probed" if state == "unknown" else "test_press_keyed"
        with tenant_scope(self.world.acme.pk):
            actor = self.world.actor("support")
            origin = Origin(requester_user_id=actor.user_id)
            params = {"button": button, "amount": "5.00"}
            made = services.propose(actor=actor, kind=kind, params=params, origin=origin)
            self._lead(made, state)
            return stored(made.pk)

    def _lead(self, made: Approval, state: str) -> None:
        actor = self.world.actor("approver")
        said: dict[str, Any] = {"actor": actor, "approval_id": made.pk, "digest": made.digest}
        if state in ("approved", "unknown"):
            services.decide(verdict="approve", **said)
        if state == "unknown":
            self.effects.stall = "before"
            self.effects.release.set()
            services.execute(made.pk)
        moves = {"asked": ask, "returned": send_back}
        if state in moves:
            moves[state](reason="Why?", **said)
        if state == "held":
            hold(**{**said, "actor": OPERATOR}, reason="Wait")

    def cancelled(self, role: str, state: str) -> Approval:
        """Return a request that a person of the role has withdrawn when a move could have begun."""
        made = self.begin("pending" if state == "unknown" else state)
        with tenant_scope(self.world.acme.pk):
            return services.cancel(actor=self.world.actor(role), approval_id=made.pk, reason="Not needed")

    def browser(self, role: str) -> Client:
        """Return a browser in which the person of the role is signed in with a second factor."""
        client = Client(raise_request_exception=False)
        client.force_login(self.world.people[role], backend="accounts.backends.RoleBackend")
        session = client.session
        session["account_authentication_methods"] = [FACTOR]
        session.save()
        return client

    def fill_in(self, door: Door, role: str, approval: Approval | None, **other: Any) -> Any:
        """Post the form of a door."""
        args = [] if approval is None else [approval.pk]
        said = {**(door.form or door.said), **other}
        return self.browser(role).post(reverse(door.page, args=args), self._said(said, approval))

    def send(self, door: Door, role: str, approval: Approval | None, **other: Any) -> Any:
        """Send JSON to the address of a door: by key, by the session where a second factor is asked for."""
        path = door.address.format(id="" if approval is None else approval.pk)
        body = self._said({**door.said, **other}, approval)
        if not door.needs_factor:
            return Caller(Office(self.world).key(role)).post(path, body)
        return self.browser(role).post(f"{V1}{path}", body, content_type="application/json")

    def _said(self, said: dict[str, Any], approval: Approval | None) -> dict[str, Any]:
        ids = {role: str(user.pk) for role, user in self.world.people.items()}
        words = {name: value.format(**ids) if isinstance(value, str) else value for name, value in said.items()}
        return words if approval is None else {"digest": approval.digest, **words}

    def traces(self) -> tuple[Any, ...]:
        """Return what a move would leave: versions, decisions and audit entries."""
        with tenant_scope(self.world.acme.pk):
            versions = sorted(Approval.objects.values_list("pk", "version", "state", "digest"))
            return versions, Decision.objects.count(), AuditEntry.objects.filter(object_type="hitl.approval").count()


def stored(approval_id: UUID) -> Approval:
    """Return the row as it is now; in the tenant's scope."""
    found: Approval = Approval.objects.get(pk=approval_id)
    return found


def build_hall(world: World, effects: Effects) -> Hall:
    """Define the workflow."""
    with tenant_scope(world.acme.pk):
        services.create_workflow(
            actor=OPERATOR, name="All", is_default=True, levels=LEVELS, allow_override=True, escalation=ESCALATION
        )
    return Hall(world, effects)
