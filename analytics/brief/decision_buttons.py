"""The decision buttons of a brief: placeholders in the stored mail, which become links when it is sent."""

import re
from uuid import UUID

from django.conf import settings
from django.urls import reverse


def placeholder(brief_id: UUID, approval_id: UUID) -> str:
    """Return what stands for a link in the stored text; no text of a request can know the brief's id."""
    return decision_url(f"of-{brief_id.hex}-{approval_id.hex}")


def find_placeholders(brief_id: UUID, text: str) -> list[UUID]:
    """Return the approvals that the text of a brief has placeholders for."""
    found = re.findall(rf"/of-{brief_id.hex}-([0-9a-f]{{32}})/", text)
    return [UUID(hex=approval) for approval in dict.fromkeys(found)]


def decision_url(secret: str) -> str:
    """Return the URL of the page behind a decision link."""
    return f"{settings.PUBLIC_URL}{reverse('decision_link', args=[secret])}"


def console_url(approval_id: UUID) -> str:
    """Return the URL of the approval's page, which asks to sign in."""
    return f"{settings.PUBLIC_URL}{reverse('admin:hitl_approval_change', args=[approval_id])}"
