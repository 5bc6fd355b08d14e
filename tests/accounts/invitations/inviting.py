"""What tests of invitations share: inviting, and the link that a mail would bring."""

from typing import Any

from accounts.members.invitations import invite_member, make_invitation_link
from accounts.models import Invitation
from core.tenancy.scope import tenant_scope
from tests.world import OPERATOR, World

NEW = "ana.new@elsewhere.example"
SECRET = "horse battery staple correct"
PERSON = {"first_name": "Ana", "last_name": "García", "password": SECRET}


def invite(world: World, role: str = "support", email: str = NEW, by: str = "owner", **more: Any) -> Invitation:
    """Invite into the first tenant."""
    with tenant_scope(world.acme.pk):
        return invite_member(actor=world.actor(by), email=email, role=role, **more)


def link_of(world: World, row: Invitation, round: int = 1) -> str:
    """Return the secret that the mail of an invitation brings."""
    with tenant_scope(world.acme.pk):
        return make_invitation_link(actor=OPERATOR, invitation_id=row.pk, round=round)
