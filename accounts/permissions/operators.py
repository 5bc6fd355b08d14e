"""Appoint operators of the installation, and record what they do.

What they do is recorded in every tenant's audit chain.
"""

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import OwedEntry, Tenant, User
from core.actors import Actor
from core.audit import chain
from core.db.locks import advisory_lock
from core.errors import NotFound, Refused, Unavailable
from core.events import streams
from core.events.publish import publish
from core.observability.logging import get_logger
from core.privacy.encryption import current_key_id, derive_key
from core.tenancy.scope import current_tenant_id, current_tenant_or_none, platform_scope, tenant_scope

log = get_logger(__name__)
GRANTED: Final = "OPERATOR_GRANTED"
WITHDRAWN: Final = "OPERATOR_WITHDRAWN"
_SCOPE: Final = {"scope": "installation"}
_KEPT: Final = ("kind", "id", "user_id", "role", "name", "auth_strength")
ROLE: Final = "operator"
"""The role shown in an operator's audit entries, instead of their role in one organisation."""


def is_operator(viewer: Actor) -> bool:
    """Return True if the signed-in user is an operator. API keys and agents never are. At most two queries.

    Nor is anybody in a session of an organisation's identity provider, which could become one. The flag of the account
    is not enough: the audit log of the tenant in scope has the appointment.
    """
    if viewer.kind != "user" or viewer.user_id is None or viewer.scopes is not None or viewer.by_company:
        return False
    flagged = User.objects.filter(pk=viewer.user_id, is_superuser=True, is_active=True).exists()
    return flagged and _last_word(viewer.user_id) == GRANTED


def _last_word(user_id: UUID) -> str:
    """Return if the tenant in scope last had an account granted or withdrawn; "" if neither, or if that is forged."""
    last = chain.last_of("accounts.user", user_id, actions=(GRANTED, WITHDRAWN))
    return last.action if last is not None and chain.is_genuine(last) else ""


def _last_words(user_id: UUID) -> set[str]:
    words = set()
    for tenant_id in _all_tenants():
        with tenant_scope(tenant_id):
            words.add(_last_word(user_id))
    return words


def _all_tenants() -> list[UUID]:
    with platform_scope():  # ids of organisations, no row of anyone
        return list(Tenant.objects.order_by("id").values_list("id", flat=True))


def unappointed_operators() -> Iterator[tuple[str, str]]:
    """Yield the accounts whose flag of an operator was set by other means: they can do nothing with it."""
    for user_id in User.objects.filter(is_superuser=True).order_by("id").values_list("pk", flat=True):
        if _last_word(user_id) != GRANTED:
            yield f"account {user_id}", "made an operator outside the application"


def require_operator(actor: Actor) -> None:
    """Require the command line or an operator who signed in with a second factor.

    No role in an organisation includes this; only `set_operator` grants it. Raises Refused (`not_operator`,
    `weak_sign_in`).
    """
    if actor.all_permissions:
        return
    if not is_operator(actor):
        raise Refused("Only a signed-in operator of this installation can do this.", code="not_operator")
    if not actor.has_second_factor:
        raise Refused("This requires a second factor. Sign in again with yours.", code="weak_sign_in")


def set_operator(*, actor: Actor, email: str, is_on: bool) -> bool:
    """Grant or withdraw the operator role and return whether that changed anything.

    For the command line only (`manage.py operator`). Takes effect at once, in open sessions too. Every
    organisation's audit chain gets an entry: before the right is granted, after it is withdrawn, so
    that nobody has it unrecorded; a sweep completes interrupted writes, a repetition what is missing in
    any chain. Raises Refused, NotFound. Not to be called inside a transaction.
    """
    if not actor.all_permissions:
        raise Refused
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None or (is_on and not user.is_active):
        raise NotFound("No active account has this address.")
    is_owed = user.pk in owed_objects(WITHDRAWN if is_on else GRANTED)
    if user.is_superuser == is_on and not is_owed and _is_agreed(user.pk, is_on=is_on):
        return False
    owe = partial(record_in_all_tenants, actor=actor, object_type="accounts.user", object_id=user.pk)
    if is_on:
        with transaction.atomic():
            owe(action=GRANTED)
        write_owed_entries()
    with transaction.atomic():
        _lock_appointments()
        User.objects.filter(pk=user.pk).update(is_superuser=is_on)
        if not is_on:
            owe(action=WITHDRAWN)
        elif not _is_agreed(user.pk, is_on=True):  # an organisation was created meanwhile
            owe(action=GRANTED)
    write_owed_entries()
    return True


def _is_agreed(user_id: UUID, *, is_on: bool) -> bool:
    words = _last_words(user_id)
    return words <= {GRANTED} if is_on else GRANTED not in words


def _lock_appointments() -> None:
    """Let no organisation be created while a flag changes: it would miss the entry. The lock is of no tenant."""
    with tenant_scope(UUID(int=0)):
        advisory_lock("operators")


def list_operators(*, actor: Actor) -> list[User]:
    """Return the operators of the installation, for the command line only. Raises Refused."""
    if not actor.all_permissions:
        raise Refused
    return list(User.objects.filter(is_superuser=True, is_active=True).order_by("email"))


def record_current_operators(*, actor: Actor) -> None:
    """Record the appointed operators in the audit chain of the tenant in scope, when it is created.

    The flag alone counts only for the first tenant: before it, no chain could have an appointment.
    """
    _lock_appointments()
    is_first = _all_tenants() == [current_tenant_id()]
    for user_id in User.objects.filter(is_superuser=True).order_by("id").values_list("id", flat=True):
        words = _last_words(user_id)
        if is_first or (GRANTED in words and WITHDRAWN not in words):
            facts = {**_SCOPE, "given": "before"}
            chain.record(actor, GRANTED, "accounts.user", user_id, facts=facts)
        else:
            log.error("operator_not_appointed", account=str(user_id))


def as_operator(actor: Actor) -> Actor:
    """Return the actor as audit logs name them: an operator, without their role in one organisation."""
    return actor if actor.all_permissions else replace(actor, role=ROLE, role_version=0)


def record_in_all_tenants(
    *,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: UUID,
    new_state: str = "",
    event: tuple[str, dict[str, str]] | None = None,
) -> None:
    """Store, in the caller's transaction, an audit entry that every tenant's chain is to get.

    Deactivated ones too: what is still stopped when one comes back is read from its chain.

    For services that have checked `require_operator`; they call `write_owed_entries` after their commit,
    and a sweep does so if they crash. Each tenant sees that it was an operator and the account's id; only
    the tenant they act in sees their address. `event` is a type and payload for its queue.
    """
    recorded = as_operator(actor)
    owed = OwedEntry(
        actor={
            **{name: str(getattr(recorded, name) or "") for name in _KEPT},
            "address": chain.network_of(recorded.address).partition("/")[0],
        },
        home=current_tenant_or_none(),
        action=action,
        object_type=object_type,
        object_id=object_id,
        new_state=new_state,
        event=None if event is None else list(event),
        owed_to=_all_tenants(),
    )
    owed.seal = _seal_of(owed)
    owed.save(force_insert=True)


def list_unsealed_entries() -> list[OwedEntry]:
    """Return the owed entries without any seal, as before the version that seals them. One query."""
    return list(OwedEntry.objects.filter(seal="").order_by("id"))


def seal_owed_entries(entries: Iterable[OwedEntry]) -> None:
    """Vouch for owed entries as they are stored, so that the sweep writes them. For the operator's command."""
    for owed in entries:
        OwedEntry.objects.filter(pk=owed.pk).update(seal=_seal_of(owed))
        log.warning("owed_entry_accepted", entry=str(owed.pk), action=owed.action)


def owed_objects(action: str) -> set[UUID]:
    """Return what entries of an action are about that some chains still lack. One query."""
    return {owed.object_id for owed in OwedEntry.objects.filter(action=action) if _is_sealed(owed)}


def _is_sealed(owed: OwedEntry) -> bool:
    """Return True if this application wrote the row, which else could put anything into every audit log."""
    key_id, _, mac = owed.seal.partition(":")
    try:
        is_ours = hmac.compare_digest(mac.encode(), _mac(owed, key_id).encode())
    except Unavailable:  # a key that this installation does not have
        is_ours = False
    if not is_ours:
        log.error("owed_entry_not_sealed", entry=str(owed.pk))
    return is_ours


def _seal_of(owed: OwedEntry) -> str:
    key_id = current_key_id()
    return f"{key_id}:{_mac(owed, key_id)}"


def _mac(owed: OwedEntry, key_id: str) -> str:
    names = ("id", "home", "action", "object_type", "object_id", "new_state")
    content = {**{name: str(getattr(owed, name)) for name in names}, "actor": owed.actor, "event": owed.event}
    return hmac.digest(derive_key("seal|owedentry", key_id=key_id), chain.canonical(content), "sha256").hex()


def write_owed_entries() -> None:
    """Write owed entries into every chain, one transaction each. Not to be called inside one."""
    for tenant_id in list_owed_tenants():
        write_owed_entries_of(tenant_id)


def list_owed_tenants() -> list[UUID]:
    """Return the tenants whose chains still lack entries. One query."""
    return sorted({tenant_id for owed in OwedEntry.objects.all() if _is_sealed(owed) for tenant_id in owed.owed_to})


def write_owed_entries_of(tenant_id: UUID) -> None:
    """Write owed entries into one tenant's chain, in order and each once."""
    with tenant_scope(tenant_id), transaction.atomic():
        owed = OwedEntry.objects.select_for_update().filter(owed_to__contains=[tenant_id])
        events: list[streams.NewEvent] = []
        facts: list[chain.Fact] = []
        for entry in filter(_is_sealed, owed.order_by("id")):
            others = [other for other in entry.owed_to if other != tenant_id]
            if others:
                OwedEntry.objects.filter(pk=entry.pk).update(owed_to=others)
            else:
                entry.delete()
            if entry.event:
                events.append(streams.NewEvent("queue", *entry.event))
            kept = {**entry.actor, "id": _id(entry.actor["id"]), "user_id": _id(entry.actor["user_id"])}
            actor = Actor(**kept if tenant_id == entry.home else {**kept, "address": ""})
            told = chain.Fact(actor, entry.action, entry.object_type, entry.object_id, "", entry.new_state, _SCOPE)
            facts.append(told)
        publish(events=events, audit=facts)


def _id(text: str) -> UUID | None:
    return UUID(text) if text else None
