"""Open a visitor's session: identify the visitor as far as possible and issue tokens."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from accounts.models import Membership
from accounts.selectors import is_active_member
from channels_app.web_chat import identity, tokens
from channels_app.web_chat.settings.widgets import Widget
from channels_app.web_chat.tokens import BadToken, Guest
from core.clock import now as clock_now
from core.tenancy.models import tenant_scope


@dataclass(frozen=True, slots=True)
class Session:
    """What the page gets: a short-lived token and a long-lived visitor secret."""

    guest: Guest
    token: str = field(repr=False)
    visitor: str = field(repr=False)


def open_session(
    *,
    widget: Widget,
    visitor: str = "",
    signed_identity: str = "",
    token: str = "",
    language: str = "",
    now: datetime | None = None,
) -> Session:
    """Open or extend a session on a widget whose page is in this language. Anyone may; nothing is stored.

    A valid `token` of this widget is extended, for members only while they are active, for members and
    customers only while the identity secret that vouched for them is current. Else a host-signed identity
    makes a member or a customer. Else it is a visitor, a returning one if `visitor` is a secret that this
    widget issued. Raises `BadIdentity`: an invalid identity never falls back to an anonymous visitor.
    """
    moment = now or clock_now()
    secret = tokens.visitor_or_none(widget.account_id, visitor)
    secret = secret or tokens.new_visitor(widget.account_id)
    with tenant_scope(widget.tenant_id):
        guest = _prolonged(widget, token, moment) if token and not signed_identity else None
        if guest is None and signed_identity:
            subject = identity.subject_of(signed_identity, secret=widget.identity_secret, widget=widget.key, now=moment)
            user_id = member_behind(subject)
            if user_id is None:
                guest = _guest(widget, "customer", tokens.customer_point(widget.account_id, subject), None, moment)
            else:
                guest = _guest(widget, "member", tokens.member_point(user_id), user_id, moment)
    guest = guest or _guest(widget, "visitor", tokens.visitor_point(secret), None, moment)
    guest = replace(guest, language=language or guest.language)
    return Session(guest=guest, token=tokens.issue(guest), visitor=secret)


def _prolonged(widget: Widget, token: str, moment: datetime) -> Guest | None:
    try:
        guest = tokens.verify(token, now=moment)
    except BadToken:
        return None
    if guest.account_id != widget.account_id or guest.tenant_id != widget.tenant_id:
        return None
    if not guest.is_vouched(widget.identity_secret):
        raise identity.BadIdentity
    if guest.user_id is not None and not is_active_member(guest.user_id):
        raise identity.BadIdentity
    longer = guest.prolonged(moment)
    if longer.expires_at <= moment:
        raise identity.BadIdentity
    return longer


def member_behind(subject: str) -> UUID | None:
    """Return the active member of the tenant in scope with this email or user id, or None."""
    members = Membership.objects.filter(is_active=True, user__is_active=True)
    try:
        members = members.filter(user_id=UUID(subject))
    except ValueError:
        members = members.filter(user__email=subject.lower())
    return members.values_list("user_id", flat=True).first()


def _guest(widget: Widget, kind: tokens.GuestKind, point: str, user_id: UUID | None, moment: datetime) -> Guest:
    vouched = "" if kind == "visitor" else tokens.secret_mark(widget.account_id, widget.identity_secret)
    return Guest(
        tenant_id=widget.tenant_id,
        account_id=widget.account_id,
        kind=kind,
        point=point,
        user_id=user_id,
        signed_in_at=moment,
        expires_at=moment + tokens.TOKEN_LIFE,
        vouched=vouched,
    )
