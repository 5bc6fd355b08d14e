"""Twilio's templates, as it lists them."""

from collections.abc import Mapping
from typing import Any

from channels_app.kit.phones.template_states import STATES
from conversations.models import ChannelAccount
from conversations.services.accounts import FoundTemplate


def list_templates(account: ChannelAccount) -> list[FoundTemplate] | str:
    """Return the templates of a number's Twilio account, or the code of Twilio's failure."""
    from integrations.twilio.content import list_contents  # noqa: PLC0415  (seldom needed)

    kept = account.credentials or {}
    contents = list_contents(str(kept.get("account_sid") or ""), str(kept.get("auth_token") or ""))
    return [_of_twilio(row) for row in contents] if isinstance(contents, list) else contents.code


def _of_twilio(row: Mapping[str, Any]) -> FoundTemplate:
    types = row.get("types")
    parts = [{"type": name, **part} for name, part in types.items() if isinstance(part, dict)] if isinstance(
        types, dict
    ) else []  # fmt: skip
    approval = row.get("approval_requests")
    approval = approval if isinstance(approval, dict) else {}
    return FoundTemplate(
        name=str(row.get("friendly_name") or row.get("sid") or ""),
        language=str(row.get("language") or ""),
        provider_id=str(row.get("sid") or ""),
        state=STATES.get(str(approval.get("status") or "").lower(), "pending"),
        category=str(approval.get("category") or ""),
        body=next((str(part["body"]) for part in parts if part.get("body")), ""),
        components=parts,
    )
