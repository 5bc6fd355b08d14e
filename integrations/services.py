"""Connecting a tenant with an outside provider."""

from django.db import transaction

from core.actors import Actor
from core.audit import chain
from core.errors import Invalid
from integrations.models import ProviderAccount


def connect_provider(*, actor: Actor, provider: str, name: str, credentials: dict[str, str]) -> ProviderAccount:
    """Make this the tenant's active account with the provider; the one before stays, inactive.

    Needs `channels_app.change_channelaccount`; raises Invalid on an unknown provider or credentials
    that cannot travel in a header; announces nothing. Repeating it with the same name replaces
    the credentials.
    """
    actor.require("channels_app.change_channelaccount")
    if provider not in ProviderAccount.Provider.values:
        raise Invalid("There is no such provider.", fields={"provider": ["Unknown."]})
    if not credentials or not all(_is_usable(*pair) for pair in credentials.items()):
        raise Invalid("These credentials are not usable.", fields={"credentials": ["Not usable."]})
    with transaction.atomic():
        ProviderAccount.objects.filter(provider=provider, is_active=True).exclude(name=name).update(is_active=False)
        account: ProviderAccount
        account, created = ProviderAccount.objects.update_or_create(
            provider=provider,
            name=name,
            defaults={"credentials": credentials, "is_active": True},
        )
        chain.record(
            actor=actor,
            action="provider_connected" if created else "provider_credentials_replaced",
            object_type="integrations.provideraccount",
            object_id=account.id,
            new_state="active",
            facts={"provider": provider},
        )
    return account


def _is_usable(name: str, value: object) -> bool:
    """Everything travels in headers as it is, except the sender's name, which is encoded."""
    is_text = isinstance(value, str) and value.isprintable() and value != ""
    return is_text and (name == "from_name" or str(value).isascii())
