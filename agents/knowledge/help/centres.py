"""Set up a help centre, and find one by the public key of its web chat."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Tenant
from agents.knowledge.help.models import HelpCentre
from agents.knowledge.models import Document
from agents.knowledge.selectors import VIEW
from agents.knowledge.services import MANAGE
from conversations.models import ChannelAccount
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked
from core.errors import NotFound, check_fields
from core.tenancy import lookups
from core.tenancy.scope import tenant_scope
from core.text.clean import text_problem
from core.text.colours import checked_colour

TITLE_LIMIT: Final = 80
INTRODUCTION_LIMIT: Final = 200
KEY_LIMIT: Final = 40
COLOUR: Final = "#155e4c"
NOT_FOUND: Final = "There is no such help centre."


@dataclass(frozen=True, slots=True)
class OpenCentre:
    """A published help centre; `has_chat` unless its channel is paused."""

    tenant_id: UUID
    key: str
    title: str
    introduction: str
    colour: str
    language: str
    chat_name: str
    has_chat: bool


def query_centres(*, viewer: Actor) -> QuerySet[HelpCentre]:
    """Return the help centres with their channels. Needs `agents.view_agent`."""
    viewer.require(VIEW)
    rows: QuerySet[HelpCentre] = HelpCentre.objects.select_related("channel_account")
    return rows.defer("channel_account__credentials")


def channel_choices() -> list[tuple[str, str]]:
    """Return the web chats that have no help centre yet, as the choices of a form."""
    taken = HelpCentre.objects.values("channel_account_id")
    rows = ChannelAccount.objects.filter(kind=ChannelAccount.Kind.WEBCHAT).exclude(pk__in=taken)
    return [(str(key), name) for key, name in rows.order_by("name", "id").values_list("pk", "name")]


@transaction.atomic
def save_help_centre(
    *,
    actor: Actor,
    account_id: UUID,
    title: str,
    language: str,
    introduction: str = "",
    colour: str = COLOUR,
    is_public: bool = False,
) -> HelpCentre:
    """Create or change the help centre of a web chat, and publish it or take it back.

    Needs `agents.manage_knowledge`; raises `NotFound` without such a web chat, and `Invalid` with the fields.
    """
    actor.require(MANAGE)
    facts: dict[str, Any] = {
        "title": " ".join(title.split()),
        "introduction": " ".join(introduction.split()),
        "colour": colour.strip().lower(),
        "language": language,
        "is_public": is_public,
    }
    check_fields(
        {
            "title": text_problem(facts["title"], TITLE_LIMIT, needed=True),
            "introduction": text_problem(facts["introduction"], INTRODUCTION_LIMIT),
            "colour": _colour_problem(facts["colour"]),
            "language": "" if language in Document.Language.values else "Choose one from the list.",
        }
    )
    # The channel's row is the lock: two people who set up the same one make one help centre.
    account = locked(ChannelAccount, account_id, "There is no such web chat.", kind=ChannelAccount.Kind.WEBCHAT)
    row: HelpCentre | None = HelpCentre.objects.filter(channel_account=account).first()
    old = _state(row) if row else ""
    changed = [name for name, value in facts.items() if row is None or getattr(row, name) != value]
    if row is not None and not changed:
        return row
    row = row or HelpCentre(channel_account=account)
    for name, value in facts.items():
        setattr(row, name, value)
    row.save()
    chain.record(actor, "HELP_CENTRE_SAVED", "agents.helpcentre", row.pk, old, _state(row), {"fields": changed})
    return row


def _state(row: HelpCentre) -> str:
    return "public" if row.is_public else "off"


def _colour_problem(colour: str) -> str:
    try:
        return "" if checked_colour(colour) else "This field is required."
    except ValueError as problem:
        return str(problem)


def find_centre(key: str) -> OpenCentre:
    """Return the published help centre of a web chat's public key; for everyone.

    Raises `NotFound` for a key that nobody has, a channel that is closed, an organisation that is switched off, and a
    help centre that isn't published.
    """
    if not 0 < len(key) <= KEY_LIMIT or not key.isprintable():
        raise NotFound(NOT_FOUND)
    for found in lookups.find("account_by_key", key):
        with tenant_scope(found["tenant_id"]):
            row = HelpCentre.objects.filter(channel_account_id=found["id"], is_public=True)
            centre = row.select_related("channel_account").defer("channel_account__credentials").first()
            if centre is None or not Tenant.objects.filter(pk=centre.tenant_id, is_active=True).exists():
                continue
            account = centre.channel_account
            if account.kind != ChannelAccount.Kind.WEBCHAT:
                continue
            return OpenCentre(
                tenant_id=centre.tenant_id,
                key=key,
                title=centre.title,
                introduction=centre.introduction,
                colour=centre.colour,
                language=centre.language,
                chat_name=account.name,
                has_chat=account.paused_at is None,
            )
    raise NotFound(NOT_FOUND)
