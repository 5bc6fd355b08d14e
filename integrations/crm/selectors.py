"""Which connections are with a CRM."""

from collections.abc import Mapping

from integrations import platforms
from integrations.crm.ports import CrmPlatform
from integrations.models import ProviderAccount


def find_platform(account: ProviderAccount) -> CrmPlatform | None:
    """Return the CRM that a connection is with, None for something else."""
    platform = platforms.find(account.provider)
    return platform if isinstance(platform, CrmPlatform) else None


def field_map(account: ProviderAccount) -> Mapping[str, str] | None:
    """Return what each field of a contact is called there; None for a connection with something else."""
    platform = find_platform(account)
    return platform.crm_fields if platform else None
