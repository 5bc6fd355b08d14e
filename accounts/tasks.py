"""Background work of accounts: letting go of old invitations, and entries that organisations are owed."""

from accounts import invitations, operators
from core.celery_task import sweep_task
from core.log import get_logger

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


SWEEPS = {
    "old-invitations": ("accounts.tasks.purge_invitations", 600.0),
    "owed-entries": ("accounts.tasks.settle_entries", 10.0),
}
