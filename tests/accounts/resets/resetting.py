"""What tests of forgotten passwords share: a person with a password, and the link that a mail would bring."""

from datetime import datetime

from accounts.models import Membership, User
from accounts.sign_in.password_reset import make_reset_link
from core.clock import now
from core.tenancy.scope import tenant_scope
from tests.world import OPERATOR, PASSWORD, World

NEW = "violet umbrella seven trains"
"""What passwords are hashed with here: the real one costs half a second, and many are set."""


def person_of(world: World, role: str = "approver") -> User:
    """Return somebody of the first tenant, with a password."""
    user = world.people[role]
    user.set_password(PASSWORD)
    user.save()
    return user


def link_to(world: World, user: User, *, asked: datetime | None = None) -> str:
    """Return the secret that a mail sent through the first tenant brings; "" for none."""
    with tenant_scope(world.acme.pk):
        membership = Membership.objects.get(user=user)
        return make_reset_link(actor=OPERATOR, membership_id=membership.pk, asked=asked or now())
