"""Operators of the installation: who they are, who makes them, and how every organisation is told what they do."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import OwedEntry, Tenant, User
from core.actors import Actor
from core.audit import chain
from core.errors import NotFound, Refused
from core.events import streams
from core.tenancy.scope import current_tenant_or_none, platform_scope, tenant_scope

GRANTED: Final = "OPERATOR_GRANTED"
_SCOPE: Final = {"scope": "installation"}
_KEPT: Final = ("kind", "id", "user_id", "role", "name", "auth_strength")
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
    nobody has it unrecorded; a sweep writes what is left when this is cut short. Raises Refused, NotFound.
    Not to be called inside a transaction.
    """
    if not actor.all_permissions:
        raise Refused
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None or (is_on and not user.is_active):
        raise NotFound("Nobody who can sign in has this address.")
    if user.is_superuser == is_on:
        return False
    owe = partial(owe_everywhere, actor=actor, object_type="accounts.user", object_id=user.pk)
    if is_on:
        with transaction.atomic():
            owe(action=GRANTED)
        settle_all()
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_superuser=is_on)
        if not is_on:
            owe(action="OPERATOR_WITHDRAWN")
    settle_all()
    return True


def list_operators(*, actor: Actor) -> list[User]:
    """Return the operators of the installation, for the command line only. Raises Refused."""
    if not actor.all_permissions:
        raise Refused
    return list(User.objects.filter(is_superuser=True, is_active=True).order_by("email"))


def record_standing(*, actor: Actor) -> None:
    """Write those who are operators already into the chain of the organisation in scope, for who opens it."""
    for user_id in User.objects.filter(is_superuser=True).order_by("id").values_list("id", flat=True):
        facts = {**_SCOPE, "given": "before"}
        chain.record(actor=actor, action=GRANTED, object_type="accounts.user", object_id=user_id, facts=facts)


def owe_everywhere(
    *,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: UUID,
    new_state: str = "",
    event: tuple[str, dict[str, str]] | None = None,
) -> None:
    """Keep, in the caller's transaction, that every active organisation's audit chain is to get an entry.

    For services that have let an operator in; they call `settle_all` after their commit, and a sweep does if they do
    not live to. An organisation learns that it was an operator and the id of the account; whence he came is told
    to the one that he acts in only. `event` is a type and payload for its queue.
    """
    known = actor if actor.all_permissions else replace(actor, role=ROLE)
    with platform_scope():  # ids of organisations, no row of anyone
        tenants = list(Tenant.objects.filter(is_active=True).order_by("id").values_list("id", flat=True))
    OwedEntry.objects.create(
        actor={
            **{name: str(getattr(known, name) or "") for name in _KEPT},
            "address": chain.network_of(known.address).partition("/")[0],
        },
        home=current_tenant_or_none(),
        action=action,
        object_type=object_type,
        object_id=object_id,
        new_state=new_state,
        event=event,
        owed_to=tenants,
    )


def settle_all() -> None:
    """Write what is owed into every chain, each in a transaction of its own. Not to be called inside one."""
    for tenant_id in tenants_owed():
        settle(tenant_id)


def tenants_owed() -> list[UUID]:
    """Return the organisations whose chains are to get an entry. One query."""
    return sorted({tenant_id for owed in OwedEntry.objects.values_list("owed_to", flat=True) for tenant_id in owed})


def settle(tenant_id: UUID) -> None:
    """Write what is owed into the chain of one organisation, in the order in which it was done, and each once."""
    with tenant_scope(tenant_id), transaction.atomic():
        owed = OwedEntry.objects.select_for_update().filter(owed_to__contains=[tenant_id])
        for entry in owed.order_by("id"):
            _strike_out(entry, tenant_id)
            if entry.event:
                streams.append("queue", *entry.event)
            chain.record(
                actor=_actor_of(entry, tenant_id),
                action=entry.action,
                object_type=entry.object_type,
                object_id=entry.object_id,
                new_state=entry.new_state,
                facts=_SCOPE,
            )


def _strike_out(entry: OwedEntry, tenant_id: UUID) -> None:
    left = [other for other in entry.owed_to if other != tenant_id]
    if left:
        OwedEntry.objects.filter(pk=entry.pk).update(owed_to=left)
    else:
        entry.delete()


def _actor_of(entry: OwedEntry, tenant_id: UUID) -> Actor:
    kept = {**entry.actor, "id": _id(entry.actor["id"]), "user_id": _id(entry.actor["user_id"])}
    return Actor(**kept if tenant_id == entry.home else {**kept, "address": ""})


def _id(text: str) -> UUID | None:
    return UUID(text) if text else None
