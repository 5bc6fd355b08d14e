"""The address of the page on which a customer answers a survey."""

from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from conversations.models import Message
from core.errors import NotFound
from core.privacy.signing import signer

KEY: Final = "survey"
"""In a message's metadata: the survey that it asks."""
PURPOSE: Final = "survey-link"
SALT: Final = "walker.survey_link"
TOKEN_LIMIT: Final = 300
NO_SURVEY: Final = "This survey doesn't exist."


def survey_link(*, tenant_id: UUID, survey_id: UUID) -> str:
    """Return the address on which one customer answers.

    Only ids are in it; until when it counts is in the survey's row.
    """
    token = signer(PURPOSE, salt=SALT).sign_object({"t": tenant_id.hex, "s": survey_id.hex})
    return f"{settings.PUBLIC_URL}{reverse('survey', args=[token])}"


def text_with_link(message: Message, text: str) -> str:
    """Return what is sent of a message: a survey's address is added here, so that no colleague reads it."""
    asked = message.metadata.get(KEY)
    if not asked or message.sender_type != Message.Sender.SYSTEM:
        return text
    return f"{text}\n{survey_link(tenant_id=message.tenant_id, survey_id=UUID(str(asked)))}"


def read_survey_token(token: str) -> tuple[UUID, UUID]:
    """Return tenant and survey of an address.

    Raises `NotFound` for every address that we didn't make.
    """
    try:
        if len(token) > TOKEN_LIMIT:
            raise NotFound(NO_SURVEY)
        claims: dict[str, Any] = signer(PURPOSE, salt=SALT).unsign_object(token)
        return UUID(claims["t"]), UUID(claims["s"])
    except (signing.BadSignature, ValueError, KeyError, TypeError) as problem:
        raise NotFound(NO_SURVEY) from problem
