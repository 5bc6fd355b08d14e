"""Background work of accounts: old invitations, entries that organisations are owed, and forgotten passwords."""

from datetime import UTC, datetime
from uuid import UUID

from accounts.members import invitations
from accounts.permissions import operators
from accounts.sign_in import password_reset
from core.jobs.decorators import plain_task, sweep_task
from core.observability.logging import get_logger

log = get_logger(__name__)


@sweep_task(queue="low")
def purge_invitations() -> None:
    """Remove invitations that have long been over."""
    invitations.purge_invitations()


@sweep_task(queue="low")
def settle_entries() -> None:
    """Write the entries about the installation that whoever owed them did not live to write."""
    for tenant_id in operators.tenants_owed():
        try:
            operators.settle(tenant_id)
        except Exception:
            # One chain that cannot be written must not keep the others waiting; it is tried again.
            log.exception("entry_not_settled", tenant=str(tenant_id))


@plain_task(queue="high")
def offer_reset(user_id: str, asked: int) -> None:
    """Offer a person a new password; does nothing for one that there is not."""
    password_reset.offer_reset(user_id=UUID(user_id), asked=datetime.fromtimestamp(asked, UTC))


SWEEPS = {
    "old-invitations": ("accounts.tasks.purge_invitations", 600.0),
    "owed-entries": ("accounts.tasks.settle_entries", 10.0),
}
