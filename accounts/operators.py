"""Operators of the installation: who they are, who makes them, and how every organisation is told what they do."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import Tenant, User
from core import audit, events
from core.actors import Actor
from core.errors import NotFound, Refused
from core.scope import current_tenant_or_none, platform_scope, tenant_scope

ROLE: Final = "operator"
"""What the entries of an operator say instead of his role in one of the organisations."""


def is_operator(viewer: Actor) -> bool:
    """Tell whether a person who signed in himself is an operator; no key or agent of his is. At most one query."""
    if viewer.kind != "user" or viewer.user_id is None or viewer.scopes is not None:
        return False
    return User.objects.filter(pk=viewer.user_id, is_superuser=True, is_active=True).exists()


def require_operator(actor: Actor) -> None:
    """Pass the command line, and an operator who signed in with a second factor.

    No role of an organisation makes an operator, and nobody in one can: only `set_operator` does. Raises
    Refused (`not_operator`, `weak_sign_in`).
    """
    if actor.all_permissions:
        return
    if not is_operator(actor):
        raise Refused("Only an operator of this installation does this, signed in himself.", code="not_operator")
    if not actor.has_second_factor:
        raise Refused("This asks for a second factor: sign in again with yours.", code="weak_sign_in")


def set_operator(*, actor: Actor, email: str, is_on: bool) -> bool:
    """Make a person an operator of the installation, or no longer one; tell whether that changed anything.

    For the command line only (`manage.py operator`). It counts at once, also in open sessions. Every active
    organisation's audit chain gets an entry: before the right is given, after it is taken, so that
    nobody has it unrecorded. Raises Refused, NotFound. Not to be called inside a transaction.
    """
    if not actor.all_permissions:
        raise Refused
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None or (is_on and not user.is_active):
        raise NotFound("Nobody who can sign in has this address.")
    if user.is_superuser == is_on:
        return False
    if is_on:
        record_everywhere(actor=actor, action="OPERATOR_GRANTED", object_type="accounts.user", object_id=user.pk)
    User.objects.filter(pk=user.pk).update(is_superuser=is_on)
    if not is_on:
        record_everywhere(actor=actor, action="OPERATOR_WITHDRAWN", object_type="accounts.user", object_id=user.pk)
    return True


def list_operators(*, actor: Actor) -> list[User]:
    """Return the operators of the installation, for the command line only. Raises Refused."""
    if not actor.all_permissions:
        raise Refused
    return list(User.objects.filter(is_superuser=True, is_active=True).order_by("email"))


def record_everywhere(
    *,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: UUID,
    new_state: str = "",
    event: tuple[str, dict[str, str]] | None = None,
) -> None:
    """Write an entry into the audit chain of every active organisation, in a transaction of its own for each.

    For services that have let an operator in. An organisation learns that it was an operator and the id of the
    account; whence he came is told to the one that he acts in only. `event` is a type and payload for its queue.
    """
    home = current_tenant_or_none()
    with platform_scope():  # ids of organisations, no row of anyone
        tenants = list(Tenant.objects.filter(is_active=True).order_by("id").values_list("id", flat=True))
    known = actor if actor.all_permissions else replace(actor, role=ROLE)
    for tenant_id in tenants:
        with tenant_scope(tenant_id), transaction.atomic():
            if event:
                events.append("queue", *event)
            audit.record(
                actor=known if tenant_id == home else replace(known, address="", user_agent=""),
                action=action,
                object_type=object_type,
                object_id=object_id,
                new_state=new_state,
                facts={"scope": "installation"},
            )
