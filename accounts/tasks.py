"""Celery tasks of accounts: old invitations and sessions, owed audit entries and password resets."""

from datetime import UTC, datetime
from uuid import UUID

from accounts.members import invitations
from accounts.permissions import operators
from accounts.sessions import company, families, store
from accounts.sign_in import password_reset, registration
from accounts.tokens import keys
from core.jobs.decorators import plain_task, sweep_task
from core.observability.logging import get_logger

log = get_logger(__name__)


@sweep_task(queue="low")
def purge_invitations() -> None:
    """Delete invitations that closed long ago."""
    invitations.purge_invitations()


@sweep_task(queue="low")
def purge_sessions() -> None:
    """Delete what was noted of sessions, families of tokens, keys and registrations that have expired."""
    store.purge()
    company.purge()
    families.purge()
    keys.purge()
    registration.purge()


@sweep_task(queue="low", is_quick=True)
def settle_entries() -> None:
    """Write audit entries about the installation that a crashed process left behind."""
    for tenant_id in operators.list_owed_tenants():
        try:
            operators.write_owed_entries_of(tenant_id)
        except Exception:
            # One chain that can't be written must not block the others; the next sweep retries it.
            log.exception("entry_not_settled", tenant=str(tenant_id))


@plain_task(queue="high")
def offer_reset(user_id: str, asked: int) -> None:
    """Send a reset link to an account; does nothing if it doesn't exist."""
    password_reset.offer_reset(user_id=UUID(user_id), asked=datetime.fromtimestamp(asked, UTC))


SWEEPS = {
    "old-invitations": ("accounts.tasks.purge_invitations", 600.0),
    "old-sessions": ("accounts.tasks.purge_sessions", 3600.0),
    "owed-entries": ("accounts.tasks.settle_entries", 10.0),
}
