"""Link a colleague's phone: what comes from it counts as theirs."""

from uuid import UUID

from accounts.selectors import list_members
from channels_app.kit.phones.numbers import international
from conversations import services
from conversations.types import SenderIdentity
from core.actors import Actor
from core.errors import Invalid


def introduce_colleague(*, actor: Actor, number: str, email: str) -> UUID:
    """Link a phone number to a colleague, so that its messages count as theirs, also for four eyes.

    Needs `accounts.manage_membership`; raises `Invalid` for someone who is not a member, or a number
    that belongs to someone else.
    """
    actor.require("accounts.manage_membership")
    wanted = email.strip().lower()
    user_id = next((member.user_id for member in list_members() if member.user.email.lower() == wanted), None)
    if user_id is None:
        raise Invalid(
            "No colleague signs in with this address.",
            fields={"email": ["Enter the email address that a colleague signs in with."]},
        )
    plain = international(number)
    sender = SenderIdentity(kind="phone", value=plain, verified=True)
    contact_id = services.introduce(actor=actor, sender=sender)
    # Linked by its own service, which records the actor: they may not approve requests from this phone.
    services.link_contact_to_user(actor=actor, contact_id=contact_id, user_id=user_id)
    return contact_id
