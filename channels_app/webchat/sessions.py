"""Opens a visitor's session: proves who it is, as far as that is possible, and issues the tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from accounts.models import Membership
from accounts.selectors import is_active_member
from channels_app.webchat import identity, tokens
from channels_app.webchat.tokens import BadToken, Guest
from channels_app.webchat.widgets import Widget
from core.clock import now as clock_now
from core.tenancy.models import tenant_scope


@dataclass(frozen=True, slots=True)
class Session:
    """What the page gets: a short token for the line and a long secret to come back with."""

    guest: Guest
    token: str = field(repr=False)
    visitor: str = field(repr=False)


def open_session(
    *,
    widget: Widget,
    visitor: str = "",
    signed_identity: str = "",
    token: str = "",
    now: datetime | None = None,
) -> Session:
    """Open or prolong a session on a widget. Anybody may; nothing is stored.

    A living `token` of this widget is prolonged, for members only while they have a seat, for members
    and customers only while the identity secret is the one that vouched for them; else a host-signed
    identity makes a member or a customer; else it is a visitor, the known one when `visitor` is a
    secret that this widget issued. Raises `BadIdentity`; a wrong identity never falls back to an
    anonymous visitor.
    """
    moment = now or clock_now()
    secret = tokens.visitor_or_none(widget.account_id, visitor)
    secret = secret or tokens.new_visitor(widget.account_id)
    with tenant_scope(widget.tenant_id):
        guest = _prolonged(widget, token, moment) if token and not signed_identity else None
        if guest is None and signed_identity:
            guest = _identified(widget, signed_identity, moment)
    guest = guest or _guest(widget, "visitor", tokens.visitor_point(secret), None, moment)
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


def _identified(widget: Widget, signed: str, moment: datetime) -> Guest:
    subject = identity.subject_of(signed, secret=widget.identity_secret, widget=widget.key, now=moment)
    user_id = member_behind(subject)
    if user_id is None:
        point = tokens.customer_point(widget.account_id, subject)
        return _guest(widget, "customer", point, None, moment)
    return _guest(widget, "member", tokens.member_point(user_id), user_id, moment)


def member_behind(subject: str) -> UUID | None:
    """Return the active member of the tenant in scope with this email or user id, or None."""
    seats = Membership.objects.filter(is_active=True, user__is_active=True)
    try:
        seats = seats.filter(user_id=UUID(subject))
    except ValueError:
        seats = seats.filter(user__email=subject.lower())
    return seats.values_list("user_id", flat=True).first()


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
