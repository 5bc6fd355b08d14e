"""URLs and credentials for using the demo."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from demo.cast import ACME, MARKETER, ORGANISATIONS, Organisation
from demo.people import password_of, tenant_id_of
from demo.setting import (
    demo_api_key,
    mail_credentials,
    number_credentials,
    number_of,
    phones_of,
    slack_credentials,
    widget_key,
)
from standins.back_office import seed as office
from standins.hubspot import portal as hubspot
from standins.hubspot.webhooks import secret_of
from standins.mailbox import seed as mailbox
from standins.portal import seed as portal
from standins.salesforce import org as salesforce
from standins.slack import seed as slack
from standins.zendesk import desk as zendesk
from standins.zendesk.webhooks import signing_secret_of


def describe() -> dict[str, Any]:
    """Return URLs, sign-ins, channel keys and API keys of the demo organisations."""
    public = settings.PUBLIC_URL
    bases = {
        "zendesk": settings.ZENDESK_API_BASE.partition("/at/")[0],
        "hubspot": settings.HUBSPOT_API_BASE,
        "salesforce": settings.SALESFORCE_API_BASE.partition("/at/")[0],
    }
    return {
        "urls": {
            "console": f"{public}/admin/",
            "chat": f"{public}/chat/{widget_key(ACME, 'chat')}/",
            "visitor_chat": f"{public}/chat/{widget_key(ACME, 'visitor')}/",
            "platform": f"{settings.SANDBOX_ADS_URL}/",
            **({"phone": f"{settings.SANDBOX_PHONE_URL}/"} if settings.SANDBOX_PHONE_URL else {}),
            **({"meta": f"{settings.SANDBOX_META_URL}/"} if settings.SANDBOX_META_URL else {}),
            **({"google_ads": f"{settings.SANDBOX_GOOGLE_ADS_URL}/"} if settings.SANDBOX_GOOGLE_ADS_URL else {}),
            **({"mailbox": f"{settings.SANDBOX_MAILBOX_URL}/"} if settings.SANDBOX_MAILBOX_URL else {}),
            **({"slack": f"{settings.SANDBOX_SLACK_URL}/"} if settings.SANDBOX_SLACK_URL else {}),
            **({"portal": f"{settings.SANDBOX_PORTAL_URL}/"} if settings.SANDBOX_PORTAL_URL else {}),
            **({"back_office": f"{settings.SANDBOX_BACK_OFFICE_URL}/"} if settings.SANDBOX_BACK_OFFICE_URL else {}),
            **({"identity": f"{settings.SANDBOX_IDENTITY_URL}/"} if settings.SANDBOX_IDENTITY_URL else {}),
            # The vendors' own are at secure addresses.
            **{name: f"{base}/" for name, base in bases.items() if base.startswith("http://")},
            **({"pagerduty": f"{settings.SANDBOX_PAGERDUTY_URL}/"} if settings.SANDBOX_PAGERDUTY_URL else {}),
            **({"model": f"{settings.SANDBOX_MODEL_URL}/"} if settings.SANDBOX_MODEL_URL else {}),
            "health": f"{public}/readyz",
        },
        "tenants": [_organisation(organisation, public) for organisation in ORGANISATIONS],
    }


def _organisation(organisation: Organisation, public: str) -> dict[str, Any]:
    return {
        "id": str(tenant_id_of(organisation)),
        "slug": organisation.slug,
        "name": organisation.name,
        "people": [
            {
                "name": f"{person.first_name} {person.last_name}",
                "role": person.role,
                "email": organisation.email(person.key),
                "password": password_of(organisation.email(person.key)),
                "chats_as": person.key == MARKETER,
            }
            for person in organisation.people
        ],
        "channels": [
            {
                "kind": "webchat",
                "signed_in": which == "chat",
                "widget_key": widget_key(organisation, which),
                "url": f"{public}/chat/{widget_key(organisation, which)}/",
            }
            for which in ("chat", "visitor")
        ]
        + _numbers(organisation, public)
        + _mail_accounts(organisation, public)
        + _workspaces(organisation, public)
        + _portals(organisation, public),
        "platform": {"url": settings.SANDBOX_ADS_URL, "token": f"sandbox-{organisation.slug}"},
        "connections": _connections(organisation),
        "api_key": demo_api_key(organisation),
        "approver_api_key": demo_api_key(organisation, "approver"),
    }


def _connections(organisation: Organisation) -> list[dict[str, Any]]:
    """Return what connects the sandbox systems that start with their first call."""
    slug, secret = organisation.slug, settings.SANDBOX_BACK_OFFICE_TOKEN
    if not secret:
        return []
    office_keys = {
        "url": f"{settings.SANDBOX_BACK_OFFICE_URL}/v1",
        "client_id": office.client_id(slug),
        "client_secret": office.client_secret(slug, secret),
        "key_id": office.key_id(slug),
        "key_secret": office.key_secret(slug, secret),
    }
    agent = {"subdomain": slug, "email": zendesk.ACCOUNTS[slug], "token": zendesk.token_of(slug)}
    agent["signing_secret"] = signing_secret_of(slug)
    return [
        {"provider": "back_office", "credentials": office_keys},
        {"provider": "zendesk", "credentials": agent},
        {"provider": "hubspot", "credentials": {"token": hubspot.token_of(slug), "client_secret": secret_of(slug)}},
        {"provider": "salesforce", "credentials": salesforce.credentials_of(slug)},
    ]


def _numbers(organisation: Organisation, public: str) -> list[dict[str, Any]]:
    credentials = number_credentials(organisation)
    if not credentials:
        return []
    colleague, customer = phones_of(organisation)
    return [
        {
            "kind": "whatsapp",
            "number": number_of(organisation),
            "webhook_url": f"{public}{reverse('whatsapp_webhook')}",
            "api_base": settings.TWILIO_API_BASE,
            "phones": {"member": colleague, "customer": customer},
            **credentials,
        }
    ]


def _mail_accounts(organisation: Organisation, public: str) -> list[dict[str, Any]]:
    credentials = mail_credentials(organisation)
    if not credentials:
        return []
    webhook = f"{public}{reverse('email_events', args=[mailbox.door_key(organisation.slug)])}"
    return [{"kind": "email", "webhook_url": webhook, "api_base": settings.SENDGRID_API_BASE, **credentials}]


def _workspaces(organisation: Organisation, public: str) -> list[dict[str, Any]]:
    credentials = slack_credentials(organisation)
    if not credentials:
        return []
    webhook = f"{public}{reverse('slack_interactivity', args=[slack.door_key(organisation.slug)])}"
    return [{"kind": "slack", "webhook_url": webhook, "api_base": settings.SLACK_API_BASE, **credentials}]


def as_text(facts: dict[str, Any]) -> str:
    """Return the description as lines for a terminal."""
    lines = [f"  {name.replace('_', ' '):<14}{url}" for name, url in facts["urls"].items()]
    for tenant in facts["tenants"]:
        lines.append(f"\n  {tenant['name']}")
        lines.extend(
            f"    {person['role']:<12}{person['email']:<28}{person['password']}" for person in tenant["people"]
        )
    return "\n".join(lines)


def _portals(organisation: Organisation, public: str) -> list[dict[str, Any]]:
    secret = settings.SANDBOX_PORTAL_TOKEN
    if not secret:
        return []
    key = portal.app_key(organisation.slug)
    return [
        {
            "kind": "app",
            "key": key,
            "url": f"{public}/channels/app/{key}/messages/",
            "token_secret": portal.token_secret(organisation.slug, secret),
            "signing_secret": portal.signing_secret(organisation.slug, secret),
            "events_secret": portal.events_secret(organisation.slug, secret),
            "customers": portal.CAST[organisation.slug][1],
        }
    ]
