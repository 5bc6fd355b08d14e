"""Creates a demo organisation's channels, provider account, agents, workflows and API key."""

import secrets
from typing import Any, Final

from django.conf import settings

from accounts.models import ApiKey, User
from accounts.permissions.roles import ALL_PERMISSIONS
from accounts.services import create_api_key
from agents.models import AnswerRule
from agents.services import ensure_first_agent
from channels_app.email.connect import connect_mail
from channels_app.email.mailboxes import CHANNEL
from channels_app.email.sendgrid.connect import open_inbound
from channels_app.meta_whatsapp.channel import found_in_meta
from channels_app.own_app.transport import PURPOSE
from conversations.models import ChannelAccount, MessageTemplate
from conversations.services import add_point, introduce
from conversations.services.accounts import FoundTemplate, connect_channel, store_templates, use_template
from conversations.types import SenderIdentity
from core.models import WebhookEndpoint
from core.privacy.encryption import digest_of_secret
from demo.agents import ensure_default_agents
from demo.cast import MARKETER, Organisation
from demo.people import SEEDER, identity_of, lasting
from demo.policy import ensure_policy
from integrations.services import connect_provider
from standins.mailbox import seed as mailbox
from standins.meta import seed as meta
from standins.phone import seed as phone
from standins.portal import seed as portal
from standins.slack import seed as slack

GREETING = "Ask about campaigns, rankings, content or audiences, or say what should change."
SUGGESTIONS = [
    "How is Summer Sale doing?",
    "Raise the daily budget of Summer Sale to 900",
    "What can you do?",
]
VISITOR_GREETING = "Hello! How can we help you?"
VISITOR_SUGGESTIONS = ["How long can I return shoes?", "What does delivery cost?", "I would like to talk to a person"]
KEY_NAME = "Demo programs"
FRONT_DESK: Final = "Front desk"
"""The agent of customers; those of the marketing desk help colleagues."""


def ensure_setting(organisation: Organisation, people: dict[str, User]) -> None:
    """Create what is missing. Runs in the organisation's scope."""
    _ensure_front_desk()
    ensure_default_agents()
    connect_provider(
        actor=SEEDER,
        provider="sandbox_ads",
        name="Sandbox marketing platform",
        credentials={"token": f"sandbox-{organisation.slug}"},
    )
    for_member = {
        "identity_secret": secrets.token_urlsafe(32),
        "shows_people": True,
        "hosted_identity": organisation.email(MARKETER),
        # The page signs its visitor in without asking, and shows the identity.
        "greeting": f"Hello {people[MARKETER].first_name}. {GREETING}",
        "suggestions": SUGGESTIONS,
    }
    _ensure_chat(organisation, "chat", "Marketing desk", for_member)
    for_visitor = {"greeting": VISITOR_GREETING, "suggestions": VISITOR_SUGGESTIONS, "shows_people": True}
    _ensure_chat(organisation, "visitor", f"{organisation.name} help", for_visitor)
    _ensure_number(organisation, people)
    _ensure_cloud_number(organisation)
    _ensure_mail(organisation)
    _ensure_slack(organisation)
    _ensure_portal(organisation)
    ensure_policy(organisation, people)


def _ensure_front_desk() -> None:
    """Let customers get the agent that every new organisation has."""
    rule = {"condition": 'colleague == "no"', "agent": ensure_first_agent(), "is_active": True}
    AnswerRule.objects.get_or_create(name="Customers", defaults=rule)


def widget_key(organisation: Organisation, which: str) -> str:
    """Return the public key of one of the organisation's two chat pages."""
    return f"{organisation.slug}-{which}"


def _ensure_chat(organisation: Organisation, which: str, name: str, credentials: dict[str, Any]) -> None:
    ChannelAccount.objects.get_or_create(
        public_key=widget_key(organisation, which),
        defaults={
            "kind": ChannelAccount.Kind.WEBCHAT,
            "name": name,
            "credentials": credentials,
        },
    )


def number_credentials(organisation: Organisation) -> dict[str, str]:
    """Return the credentials of the organisation's sandbox number; empty if no sandbox phone runs."""
    if not settings.SANDBOX_PHONE_TOKEN:
        return {}
    return {
        "account_sid": phone.account_sid(organisation.slug),
        "auth_token": phone.auth_token(organisation.slug, settings.SANDBOX_PHONE_TOKEN),
    }


def cloud_credentials(organisation: Organisation) -> dict[str, str]:
    """Return the credentials of the organisation's number at the sandbox Meta; empty if it doesn't run."""
    secret = settings.SANDBOX_META_TOKEN
    if not secret:
        return {}
    return {
        "phone_number_id": meta.phone_number_id(organisation.slug),
        "business_account_id": meta.business_account_id(organisation.slug),
        "access_token": meta.access_token(organisation.slug, secret),
        "app_secret": meta.app_secret(organisation.slug, secret),
        "verify_token": f"{organisation.slug}-verify",
    }


# What the demo sends each of its templates for, by name.
TEMPLATE_USES: Final = {
    "update": MessageTemplate.Use.OUTCOME,
    "order_question": MessageTemplate.Use.REOPENING,
    "approval_request": MessageTemplate.Use.NOTICE,
    "sign_in_code": MessageTemplate.Use.CODE,
}


def _use_templates(account: ChannelAccount, *found: FoundTemplate) -> None:
    """Keep the templates that the stand-in lists, and send the approved ones for what they say."""
    store_templates(account_id=account.pk, found=found)
    approved = MessageTemplate.objects.filter(channel_account=account, state=MessageTemplate.State.APPROVED)
    for template in approved.filter(name__in=TEMPLATE_USES):
        use_template(actor=SEEDER, template_id=template.pk, use=TEMPLATE_USES[template.name])


def _ensure_cloud_number(organisation: Organisation) -> None:
    credentials = cloud_credentials(organisation)
    cloud = ChannelAccount.Provider.CLOUD
    if not credentials or ChannelAccount.objects.filter(provider=cloud).exists():
        return
    made = connect_channel(
        actor=SEEDER,
        kind=ChannelAccount.Kind.WHATSAPP,
        provider=cloud,
        name=f"{organisation.name} WhatsApp by Meta",
        address=meta.CAST[organisation.slug][1],
        provider_account=credentials["phone_number_id"],
        credentials=credentials,
    )
    _use_templates(made, *(found_in_meta(row) for row in meta.demo_templates()))
    # The stand-in knows the address of the webhook.
    ChannelAccount.objects.filter(pk=made.pk).update(public_key=meta.door_key(organisation.slug))


def number_of(organisation: Organisation) -> str:
    """Return the organisation's sandbox number."""
    return phone.CAST[organisation.slug][1].removeprefix("whatsapp:")


def phones_of(organisation: Organisation) -> list[str]:
    """Return the phones that write to the number, the marketing colleague's first."""
    return [address.removeprefix("whatsapp:") for address in phone.CAST[organisation.slug][2]]


def _ensure_number(organisation: Organisation, people: dict[str, User]) -> None:
    credentials = number_credentials(organisation)
    if not credentials or ChannelAccount.objects.filter(provider=ChannelAccount.Provider.TWILIO).exists():
        return
    made = connect_channel(
        actor=SEEDER,
        kind=ChannelAccount.Kind.WHATSAPP,
        provider=ChannelAccount.Provider.TWILIO,
        name=f"{organisation.name} WhatsApp",
        address=number_of(organisation),
        provider_account=credentials["account_sid"],
        credentials=credentials,
    )
    sid = phone.template_sid(organisation.slug)
    _use_templates(made, FoundTemplate("update", "en", sid, "approved", "utility", "News about your request: {{1}}"))
    # The number and the account of the chat are one contact.
    own = identity_of(people[MARKETER])
    introduce(actor=SEEDER, sender=own)
    phone_of_theirs = SenderIdentity(kind="phone", value=phones_of(organisation)[0], verified=True)
    add_point(actor=SEEDER, beside=own, sender=phone_of_theirs)


def mail_credentials(organisation: Organisation) -> dict[str, str]:
    """Return the credentials of the organisation's sandbox mail account. Empty if no sandbox mailbox runs."""
    secret = settings.SANDBOX_MAILBOX_TOKEN
    if not secret:
        return {}
    return {
        "from_address": mailbox.CAST[organisation.slug][1],
        "from_name": mailbox.CAST[organisation.slug][2],
        "api_key": mailbox.api_key(organisation.slug, secret),
        "event_public_key": mailbox.verification_key(organisation.slug, secret),
    }


def _ensure_mail(organisation: Organisation) -> None:
    credentials = mail_credentials(organisation)
    if not credentials:
        return
    # The mailbox posts to a URL that both sides know in advance.
    account, is_new = ChannelAccount.objects.get_or_create(
        public_key=mailbox.door_key(organisation.slug),
        defaults={**CHANNEL, "address": credentials["from_address"]},
    )
    if is_new:
        connect_mail(actor=SEEDER, name=f"{organisation.name} mail", account_id=account.pk, **credentials)
        account.refresh_from_db()
    if not (account.credentials or {}).get("inbound_secret"):
        open_inbound(
            actor=SEEDER,
            account_id=account.pk,
            reply_domain=mailbox.inbound_domain(organisation.slug),
            token=mailbox.inbound_token(organisation.slug, settings.SANDBOX_MAILBOX_TOKEN),
        )


def slack_credentials(organisation: Organisation) -> dict[str, str]:
    """Return the credentials of the organisation's sandbox workspace; empty if no sandbox Slack runs."""
    secret = settings.SANDBOX_SLACK_TOKEN
    if not secret:
        return {}
    return {
        "bot_token": slack.bot_token(organisation.slug, secret),
        "signing_secret": slack.signing_secret(organisation.slug, secret),
        "team": slack.team_id(organisation.slug),
    }


def _ensure_slack(organisation: Organisation) -> None:
    credentials = slack_credentials(organisation)
    # The workspace posts to a URL that both sides know in advance.
    key = slack.door_key(organisation.slug)
    if not credentials or ChannelAccount.objects.filter(public_key=key).exists():
        return
    facts = {"kind": ChannelAccount.Kind.SLACK, "provider": ChannelAccount.Provider.SLACK}
    ChannelAccount.objects.create(public_key=key, address=credentials["team"], **facts)
    connect_channel(
        actor=SEEDER,
        kind=ChannelAccount.Kind.SLACK,
        provider=ChannelAccount.Provider.SLACK,
        name=f"{organisation.name} Slack",
        address=credentials["team"],
        provider_account=ChannelAccount.Kind.SLACK,
        credentials=credentials,
    )


def _ensure_portal(organisation: Organisation) -> None:
    """Create the channel of the organisation's own app, which the sandbox portal plays."""
    secret = settings.SANDBOX_PORTAL_TOKEN
    if not secret:
        return
    account, _ = ChannelAccount.objects.get_or_create(
        public_key=portal.app_key(organisation.slug),
        defaults={
            "kind": ChannelAccount.Kind.APP,
            "provider": ChannelAccount.Provider.APP,
            "name": portal.CAST[organisation.slug][0],
            "credentials": {"token_secret": portal.token_secret(organisation.slug, secret)},
        },
    )
    WebhookEndpoint.objects.get_or_create(
        purpose=PURPOSE,
        ref=account.pk,
        defaults={
            "url": f"{settings.SANDBOX_PORTAL_URL}/walker/{organisation.slug}",
            "secrets": {"current": portal.signing_secret(organisation.slug, secret)},
        },
    )


def ensure_api_keys(organisation: Organisation, people: dict[str, User]) -> None:
    """Create an API key of the organisation's owner and one of an approver unless they are there."""
    for who in ("owner", "approver"):
        secret = demo_api_key(organisation, who)
        if ApiKey.objects.filter(digest=digest_of_secret(secret)).exists():
            continue
        create_api_key(actor=SEEDER, user=people[who], name=KEY_NAME, scopes=sorted(ALL_PERMISSIONS), secret=secret)


def demo_api_key(organisation: Organisation, who: str = "owner") -> str:
    """Return the secret of a person's API key in the demo; derived, so that every start can show it."""
    of = "" if who == "owner" else f"|{who}"
    return f"wk_{lasting(f'demo-api-key|{organisation.slug}{of}').hex()}"
