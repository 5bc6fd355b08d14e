"""Fetch the templates of WhatsApp accounts from Meta and Twilio."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from channels_app.kit.phones.template_states import STATES
from channels_app.meta_whatsapp.numbers import phone_number_id_of
from conversations import services
from conversations.models import ChannelAccount
from conversations.services.templates import FoundTemplate
from core.actors import Actor
from core.errors import Invalid, NotFound
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope
from integrations.meta.client import MetaClient
from integrations.meta.errors import describe_error as describe_meta_error
from integrations.twilio.errors import describe_error

log = get_logger(__name__)
CHANGE: Final = "channels_app.change_channelaccount"
WHATSAPP: Final = ChannelAccount.Kind.WHATSAPP
CLOUD: Final = ChannelAccount.Provider.CLOUD


def fetch_templates(*, actor: Actor, account_id: UUID) -> int:
    """Fetch the templates of an account now and return how many there are.

    Needs `channels_app.change_channelaccount`; raises `NotFound`, and `Invalid` with the provider's reason.
    """
    actor.require(CHANGE)
    account = ChannelAccount.objects.filter(pk=account_id, kind=WHATSAPP, is_active=True).first()
    if account is None:
        raise NotFound("There is no such number.")
    found = _list(account)
    if isinstance(found, str):
        services.note_trouble(account_id=account.pk, code=found)
        words = describe_meta_error if account.provider == CLOUD else describe_error
        raise Invalid(words(found))
    return services.store_templates(account_id=account.pk, found=found)


def sweep_account(account_id: UUID) -> int:
    """Fetch the templates of an account; a failure is logged, and the next sweep tries again."""
    account = ChannelAccount.objects.filter(pk=account_id, kind=WHATSAPP, is_active=True).first()
    found = _list(account) if account is not None else "gone"
    if account is None or isinstance(found, str):
        log.info("templates_not_fetched", account=str(account_id), code=found)
        return 0
    return services.store_templates(account_id=account.pk, found=found)


def list_accounts() -> list[tuple[UUID, UUID]]:
    """Return (tenant, account) of the WhatsApp accounts of all tenants."""
    with platform_scope():
        rows = ChannelAccount.objects.filter(kind=WHATSAPP, is_active=True)
        return list(rows.values_list("tenant_id", "id"))


def _list(account: ChannelAccount) -> list[FoundTemplate] | str:
    """Return the provider's templates, or the code of its failure."""
    kept = account.credentials or {}
    if account.provider == CLOUD:
        meta = MetaClient(phone_number_id_of(kept), str(kept.get("access_token") or ""))
        rows = meta.list_templates(str(kept.get("business_account_id") or ""))
        return [found_in_meta(row) for row in rows] if isinstance(rows, list) else rows.code
    from integrations.twilio.content import list_contents  # noqa: PLC0415  (seldom needed)

    contents = list_contents(str(kept.get("account_sid") or ""), str(kept.get("auth_token") or ""))
    return [_of_twilio(row) for row in contents] if isinstance(contents, list) else contents.code


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
