"""Find a tenant's widget by its public key: origins, identity secret, texts of the empty chat."""

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts.models import Tenant
from accounts.selectors import read_logo
from channels_app.web_chat.settings.looks import Look, read_look
from channels_app.web_chat.settings.pre_chat import PreChat, read_form
from conversations.models import ChannelAccount
from core.clock import now
from core.errors import NotFound
from core.tenancy import lookups
from core.tenancy.models import tenant_scope
from core.text.speech import spoken

KEY_LIMIT = 40
KINDS: Final = (ChannelAccount.Kind.WEBCHAT, ChannelAccount.Kind.APP)


@dataclass(frozen=True, slots=True)
class Widget:
    """One active web chat account, as visitor sessions need it."""

    key: str
    tenant_id: UUID
    account_id: UUID
    name: str
    origins: tuple[str, ...]
    identity_secret: str = field(default="", repr=False)
    older_secret: str = field(default="", repr=False)
    hosted_identity: str = field(default="", repr=False)
    greeting: str = ""
    greetings: Mapping[str, str] = field(default_factory=dict)
    suggestions: tuple[str, ...] = ()
    look: Look = field(default_factory=Look)
    form: PreChat = field(default_factory=PreChat)
    takes_files: bool = True
    shows_people: bool = False
    """True if customers see the first names of colleagues who answer."""

    def greeting_in(self, language: str) -> str:
        """Return the greeting in the language of a page, or the one for all."""
        return self.greetings.get(spoken(language) if language else "") or self.greeting

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the secrets that vouch for a guest; an app's previous one counts for a day."""
        return (self.identity_secret, self.older_secret) if self.older_secret else (self.identity_secret,)


def find_widget(public_key: object) -> Widget:
    """Return the widget of a public key. Unknown, foreign and switched off all raise `NotFound`."""
    if not isinstance(public_key, str) or not 0 < len(public_key) <= KEY_LIMIT or not public_key.isprintable():
        raise NotFound("There is no such chat.")
    for row in lookups.find("account_by_key", public_key):
        with tenant_scope(row["tenant_id"]):
            account = load(row["id"], kinds=(ChannelAccount.Kind.WEBCHAT,))
        if account is not None:
            return account
    raise NotFound("There is no such chat.")


def find_look(public_key: object) -> Look:
    """Return how the widget of a public key looks, with the organisation's logo where it has none. Raises `NotFound`.

    Only for those who draw it: no message reads a logo.
    """
    widget = find_widget(public_key)
    if widget.look.logo:
        return widget.look
    with tenant_scope(widget.tenant_id):
        return replace(widget.look, logo=base64.b64encode(read_logo()).decode())


def load(account_id: UUID, *, kinds: Collection[str] = KINDS) -> Widget | None:
    """Return an active widget or app of the tenant in scope, or None while it is switched off or paused."""
    found = ChannelAccount.objects.filter(pk=account_id, kind__in=kinds, is_active=True, paused_at=None).first()
    if found is None or not Tenant.objects.filter(pk=found.tenant_id, is_active=True).exists():
        return None
    kept: dict[str, Any] = found.credentials or {}
    own = [*token_secrets(kept, now()), "", ""] if found.kind == ChannelAccount.Kind.APP else []
    return Widget(
        key=found.public_key,
        tenant_id=found.tenant_id,
        account_id=found.pk,
        name=found.name,
        origins=tuple(str(origin) for origin in found.origins or ()),
        identity_secret=own[0] if own else str(kept.get("identity_secret", "")),
        older_secret=own[1] if own else "",
        hosted_identity=str(kept.get("hosted_identity", "")),
        greeting=str(kept.get("greeting", "")),
        greetings=kept.get("greetings", {}),
        suggestions=tuple(str(one) for one in kept.get("suggestions", ())),
        look=read_look(kept),
        form=read_form(kept),
        takes_files=bool(kept.get("takes_files", True)),
        shows_people=bool(kept.get("shows_people")),
    )


def token_secrets(credentials: Mapping[str, Any] | None, moment: datetime) -> list[str]:
    """Return the secrets that may sign tokens of an app's customers now, the current one first."""
    kept = credentials or {}
    found = [str(kept["token_secret"])] if kept.get("token_secret") else []
    if kept.get("older_token_secret") and datetime.fromisoformat(kept["older_until"]) > moment:
        found.append(str(kept["older_token_secret"]))
    return found
