"""Connect outside systems, and test, rename and disconnect them; secrets go in and never come out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction

from core.actors import Actor
from core.audit import chain
from core.db.locks import advisory_lock, locked
from core.db.rows import get_row
from core.errors import Conflict, Unavailable
from core.reliability.rate_limit import limit_per_hour
from hitl.selectors import is_connection_stopped
from integrations.calls.rights import MANAGE, MISSING, OBJECT
from integrations.connections import providers
from integrations.connections.authorisation import try_out, try_stored
from integrations.connections.consents import activate, begin_consent, choose_account, finish_consent
from integrations.connections.errors import ConnectionFailed, for_person
from integrations.connections.names import checked_name, name_in_use, refuse_name
from integrations.connections.selectors import webhook_of
from integrations.connections.tokens import note_failure
from integrations.models import ProviderAccount

__all__ = [
    "Tested", "begin_consent", "choose_account", "connect", "disconnect", "finish_consent", "make_default", "reconnect",
    "rename", "rotate", "test_connection",
]  # fmt: skip
TESTS_PER_HOUR: Final = 60
OFTEN: Final = "That was tried often. Wait an hour, then try again."
AT_THE_VENDOR: Final = "A person allows this connection at the vendor. Open it in the console and choose Reconnect."


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test found: a line about the account, or the code of what is wrong, with words."""

    is_working: bool
    code: str
    words: str


def connect(*, actor: Actor, provider: str, credentials: Mapping[str, Any], name: str = "") -> ProviderAccount:
    """Connect an account by credentials that are typed in, once the system has accepted them (outside calls).

    The first of a provider is its default. Needs `MANAGE`. Raises `NotFound`, `Invalid` with the fields, `Conflict`
    ("exists", "consent_needed", what the system refuses), `TooMany` and `ConnectionFailed`: nothing is stored
    then. Writes `CONNECTION_CONNECTED`.
    """
    actor.require(MANAGE)
    found = providers.get(provider)
    wanted = checked_name(name or found.title)
    refuse_name(provider, wanted)
    kept = accepted(actor, found, credentials)
    try:
        with transaction.atomic():
            advisory_lock(f"connections:{provider}")
            row = ProviderAccount(provider=provider, name=wanted, credentials=kept)
            activate(row, actor)
            row.save(force_insert=True)
            chain.note(actor, "CONNECTION_CONNECTED", row, new_state=row.state, provider=provider, scheme="secret")
    except IntegrityError:
        raise name_in_use() from None
    set_webhook(actor, row)
    return row


def rotate(*, actor: Actor, connection_id: UUID, credentials: Mapping[str, Any]) -> ProviderAccount:
    """Replace the credentials of a connection; the old ones go on until the system has accepted the new ones.

    Outside calls. Needs `MANAGE`. Raises `NotFound`, `Invalid` with the fields, `Conflict` ("not_active",
    "consent_needed", "changed", what the system refuses), `TooMany` and `ConnectionFailed`. Writes
    `CONNECTION_ROTATED`.
    """
    actor.require(MANAGE)
    row = get_row(ProviderAccount, connection_id, MISSING)
    if not row.is_active:
        raise Conflict("This connection isn't active. Reconnect it instead.", code="not_active")
    return replace_credentials(actor, row, credentials, "CONNECTION_ROTATED")


def reconnect(*, actor: Actor, connection_id: UUID, credentials: Mapping[str, Any]) -> ProviderAccount:
    """Connect an account again that has expired or was disconnected, by credentials that are typed in.

    Outside calls. Needs `MANAGE`. Raises `NotFound`, `Invalid` with the fields, `Conflict` ("consent_needed",
    "changed", what the system refuses), `TooMany` and `ConnectionFailed`. Writes `CONNECTION_RECONNECTED`.
    """
    actor.require(MANAGE)
    row = get_row(ProviderAccount, connection_id, MISSING)
    return replace_credentials(actor, row, credentials, "CONNECTION_RECONNECTED")


def replace_credentials(
    actor: Actor, seen: ProviderAccount, credentials: Mapping[str, Any], action: str
) -> ProviderAccount:
    """Store credentials once the system has accepted them (outside calls), unless others were stored meanwhile."""
    kept = accepted(actor, providers.get(seen.provider), credentials)
    with transaction.atomic():
        advisory_lock(f"connections:{seen.provider}")
        row = locked(ProviderAccount, seen.pk, MISSING)
        if row.connected_at != seen.connected_at or row.is_active != seen.is_active:
            raise Conflict("Somebody else changed this connection. Reload the page and try again.", code="changed")
        before = row.state
        row.credentials = kept
        activate(row, actor)
        row.save()
        chain.note(actor, action, row, old_state=before, new_state=row.state, provider=row.provider)
    set_webhook(actor, row)
    return row


def set_webhook(actor: Actor, row: ProviderAccount) -> None:
    """Have a system that was just connected post what has changed, if it offers that (outside call).

    Where that fails, or an emergency stop covers it, the connection says that somebody has to do it, until the system
    posts. Writes `CONNECTION_WEBHOOK_SET`.
    """
    tell, url = providers.get(row.provider).set_webhook, webhook_of(row)
    if tell is None or not url:
        return
    try:
        tell(row, url)
    except Unavailable:
        row.webhook_missing = True
        row.save(update_fields=["webhook_missing"])
        return
    with transaction.atomic():
        row.webhook_missing = False
        row.save(update_fields=["webhook_missing"])
        chain.note(actor, "CONNECTION_WEBHOOK_SET", row, provider=row.provider)


def accepted(actor: Actor, provider: providers.Provider, credentials: Mapping[str, Any]) -> dict[str, str]:
    """Return checked credentials that the system has accepted (outside calls)."""
    if provider.consent is not None:
        raise Conflict(AT_THE_VENDOR, code="consent_needed")
    kept = providers.checked(provider, credentials)
    limit_per_hour(f"connection-try:{actor.user_id}", limit=TESTS_PER_HOUR, sentence=OFTEN)
    try:
        try_out(provider, kept)
    except ConnectionFailed as problem:
        raise for_person(problem) from None
    return kept


def test_connection(*, actor: Actor, connection_id: UUID) -> Tested:
    """Try a connection with one reading call, and say what came of it (outside calls). Needs `MANAGE`.

    Raises `NotFound`, `Conflict` ("not_active"), `TooMany`. Writes `CONNECTION_TESTED`.
    """
    actor.require(MANAGE)
    row = get_row(ProviderAccount, connection_id, MISSING)
    if not row.is_active:
        raise Conflict("This connection isn't active. Reconnect it first.", code="not_active")
    limit_per_hour(f"connection-test:{row.pk}", limit=TESTS_PER_HOUR, sentence=OFTEN)
    provider = providers.get(row.provider)
    try:
        found = Tested(True, "", try_stored(provider, row))
    except ConnectionFailed as problem:
        found = Tested(False, problem.code, problem.detail)
        if problem.code != "expired":  # why it expired says more
            note_failure(row.pk, problem)
    with transaction.atomic():
        if found.is_working:
            ProviderAccount.objects.filter(pk=row.pk, expired_at=None).update(last_error="", last_error_about="")
        facts = {"provider": row.provider, "result": found.code or "working"}
        chain.record(actor, "CONNECTION_TESTED", OBJECT, row.pk, facts=facts)
    return found


def rename(*, actor: Actor, connection_id: UUID, name: str) -> ProviderAccount:
    """Give a connection another name. Needs `MANAGE`.

    Raises `NotFound`, `Invalid` with the field, `Conflict` ("exists"). Writes `CONNECTION_RENAMED`.
    """
    actor.require(MANAGE)
    wanted = checked_name(name)
    try:
        with transaction.atomic():
            row = locked(ProviderAccount, connection_id, MISSING)
            row.name = wanted
            row.save(update_fields=["name"])
            chain.note(actor, "CONNECTION_RENAMED", row, provider=row.provider)
    except IntegrityError:
        raise name_in_use() from None
    return row


def make_default(*, actor: Actor, connection_id: UUID) -> ProviderAccount:
    """Let tools use this connection of its provider from now on; safe to repeat. Needs `MANAGE`.

    Raises `NotFound`, `Conflict` ("not_active", "stopped"). Writes `CONNECTION_MADE_DEFAULT`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        provider = get_row(ProviderAccount, connection_id, MISSING).provider
        advisory_lock(f"connections:{provider}")
        row = locked(ProviderAccount, connection_id, MISSING)
        if row.state != row.State.ACTIVE:
            raise Conflict("Only a connection that works can be the default. Reconnect it first.", code="not_active")
        if is_connection_stopped(row.pk):
            raise Conflict("An emergency stop covers this connection. Release it first.", code="stopped")
        ProviderAccount.objects.filter(provider=provider, is_default=True).exclude(pk=row.pk).update(is_default=False)
        row.is_default = True
        row.save(update_fields=["is_default"])
        chain.note(actor, "CONNECTION_MADE_DEFAULT", row, provider=provider)
    return row


def disconnect(*, actor: Actor, connection_id: UUID) -> ProviderAccount:
    """End a connection and empty its credentials; what uses it stops. Safe to repeat. Needs `MANAGE`.

    The default goes last: choose another one before. Raises `NotFound`, `Conflict` ("is_default"). Writes
    `CONNECTION_DISCONNECTED`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        provider = get_row(ProviderAccount, connection_id, MISSING).provider
        advisory_lock(f"connections:{provider}")
        row = locked(ProviderAccount, connection_id, MISSING)
        others = ProviderAccount.objects.filter(provider=provider, is_active=True).exclude(pk=row.pk)
        if row.is_active and row.is_default and others.exists():
            say = "Tools use this connection, and there are others. Make another one the default first."
            raise Conflict(say, code="is_default")
        before = row.state
        row.credentials, row.choices, row.lease_until = {}, [], None
        row.is_active, row.is_default, row.expired_at, row.expires_at = False, False, None, None
        row.webhook_missing = False
        row.save()
        chain.note(actor, "CONNECTION_DISCONNECTED", row, old_state=before, new_state=row.state, provider=provider)
    return row
