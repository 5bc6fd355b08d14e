"""Services that connect a tenant with an outside provider."""

from django.db import transaction

from core.actors import Actor
from core.audit import chain
from core.errors import Invalid
from integrations import platforms
from integrations.models import ProviderAccount


def connect_provider(*, actor: Actor, provider: str, name: str, credentials: dict[str, str]) -> ProviderAccount:
    """Connect the tenant's account with a provider; an earlier one becomes inactive.

    The same name again replaces the credentials. Needs `channels_app.change_channelaccount`; raises `Invalid` for an
    unknown provider, and for credentials that can't be sent in a header.
    """
    actor.require("channels_app.change_channelaccount")
    if provider not in platforms.providers():
        raise Invalid("There is no such provider.", fields={"provider": ["Unknown."]})
    for key, value in credentials.items():
        # Credentials are sent in headers as they are, except the sender's name, which is encoded.
        is_text = isinstance(value, str) and value.isprintable() and value != ""
        if not is_text or not (key == "from_name" or value.isascii()):
            raise Invalid("These credentials aren't valid.", fields={"credentials": ["Not valid."]})
    if not credentials or not platforms.takes(provider, credentials):
        raise Invalid("These credentials aren't valid.", fields={"credentials": ["Not valid."]})
    with transaction.atomic():
        earlier = ProviderAccount.objects.filter(provider=provider, is_active=True).exclude(name=name)
        earlier.update(is_active=False, is_default=False)
        working = {"credentials": credentials, "is_active": True, "is_default": True, "expired_at": None}
        account: ProviderAccount
        account, created = ProviderAccount.objects.update_or_create(provider=provider, name=name, defaults=working)
        action, facts = "provider_connected" if created else "provider_credentials_replaced", {"provider": provider}
        chain.record(actor, action, "integrations.provideraccount", account.id, new_state="active", facts=facts)
    return account
