"""Background work of accounts: letting go of old invitations."""

from accounts import invitations
from core.celery_task import sweep_task


@sweep_task(queue="low")
def purge_invitations() -> None:
    """Remove invitations that have long been over."""
    invitations.purge_invitations()


SWEEPS = {"old-invitations": ("accounts.tasks.purge_invitations", 600.0)}
