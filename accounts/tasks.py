"""Celery tasks of accounts: old invitations and sessions, owed audit entries, usage and password resets."""

from datetime import UTC, datetime
from uuid import UUID

from accounts.company.directory import places
from accounts.members import invitations, shares
from accounts.organisation import usage
from accounts.permissions import operators
from accounts.sessions import company, families, store
from accounts.sign_in import password_reset, registration
from accounts.tokens import keys
from core.jobs.decorators import plain_task, sweep_task, tenant_task
from core.observability.logging import get_logger

log = get_logger(__name__)


@sweep_task(queue="low")
def purge_invitations() -> None:
    """Delete invitations that closed long ago."""
    invitations.purge_invitations()


@sweep_task(queue="low")
def purge_shares() -> None:
    """Delete what is shared no longer."""
    shares.sweep_shares()


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


@sweep_task(queue="low")
def notice_usage() -> None:
    """Tell people what of their organisation's tier is nearly used up."""
    usage.notice_usage()


@plain_task(queue="high")
def offer_reset(user_id: str, asked: int) -> None:
    """Send a reset link to an account; does nothing if it doesn't exist."""
    password_reset.offer_reset(user_id=UUID(user_id), asked=datetime.fromtimestamp(asked, UTC))


@tenant_task("default")
def follow_groups(person_id: UUID) -> None:
    """Give a person that the directory pushed the role and the teams of their groups."""
    places.follow_groups(person_id=person_id)


@sweep_task(queue="default", is_quick=True)
def sweep_directories() -> None:
    """Enqueue pushed people whose groups, or what these give, have changed."""
    for tenant_id, person_id in places.list_due():
        follow_groups.delay(str(tenant_id), str(person_id))


SWEEPS = {
    "directories": ("accounts.tasks.sweep_directories", 5.0),
    "old-invitations": ("accounts.tasks.purge_invitations", 600.0),
    "old-sessions": ("accounts.tasks.purge_sessions", 3600.0),
    "owed-entries": ("accounts.tasks.settle_entries", 10.0),
    "old-shares": ("accounts.tasks.purge_shares", 3600.0),
    "usage": ("accounts.tasks.notice_usage", 300.0),
}
