"""Meta's templates, as it lists them."""

from collections.abc import Mapping
from typing import Any

from channels_app.kit.phones.template_states import STATES
from channels_app.meta_whatsapp.numbers import phone_number_id_of
from conversations.models import ChannelAccount
from conversations.services.accounts import FoundTemplate
from integrations.meta.client import MetaClient


def list_templates(account: ChannelAccount) -> list[FoundTemplate] | str:
    """Return the templates of a number's business account, or the code of Meta's failure."""
    kept = account.credentials or {}
    client = MetaClient(phone_number_id_of(kept), str(kept.get("access_token") or ""))
    rows = client.list_templates(str(kept.get("business_account_id") or ""))
    return [found_in_meta(row) for row in rows] if isinstance(rows, list) else rows.code


def found_in_meta(row: Mapping[str, Any]) -> FoundTemplate:
    """Return a template as Meta lists it."""
    parts = [part for part in row.get("components") or [] if isinstance(part, dict)]
    body = next((str(part.get("text") or "") for part in parts if part.get("type") == "BODY"), "")
    return FoundTemplate(
        name=str(row.get("name") or ""),
        language=str(row.get("language") or ""),
        provider_id=str(row.get("id") or ""),
        state=STATES.get(str(row.get("status") or "").lower(), "pending"),
        category=str(row.get("category") or ""),
        body=body,
        components=parts,
    )
