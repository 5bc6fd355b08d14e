"""The form that visitors of a chat fill in before they write: what it asks, and what it says."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from uuid import UUID

from channels_app.web_chat.settings.looks import CHANGE, LANGUAGES
from conversations.models import ChannelAccount
from conversations.services import accounts
from core.actors import Actor
from core.errors import Invalid
from core.text.speech import spoken

CONSENT_LIMIT: Final = 500


@dataclass(frozen=True, slots=True)
class PreChat:
    """The form of one chat; without a question it is off."""

    asks_name: bool = False
    asks_email: bool = False
    consent: str = ""
    consents: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_on(self) -> bool:
        """Return True if visitors get the form."""
        return self.asks_name or self.asks_email or bool(self.consent)

    def consent_in(self, language: str) -> str:
        """Return the sentence to agree to in the language of a page; "" for none."""
        return self.consents.get(spoken(language) if language else "") or self.consent

    def public(self, language: str) -> dict[str, Any]:
        """Return what the page draws."""
        return {"name": self.asks_name, "email": self.asks_email, "consent": self.consent_in(language)}


def read_form(kept: Mapping[str, Any]) -> PreChat:
    """Return the form that an account keeps."""
    return PreChat(**kept.get("form", {}))


def save_form(
    *, actor: Actor, account_id: UUID, asks_name: bool, asks_email: bool, consent: str = "", **consents: str
) -> ChannelAccount:
    """Save the form of a web chat: what it asks, and the sentence to agree to, with `consent_<code>` by language.

    Needs `channels_app.change_channelaccount`; raises `NotFound`, and `Invalid` for translations of no sentence.
    """
    actor.require(CHANGE)
    said = {code: consents.get(f"consent_{code}", "").strip()[:CONSENT_LIMIT] for code in LANGUAGES}
    translated = {code: text for code, text in said.items() if text}
    found = PreChat(asks_name, asks_email, consent.strip()[:CONSENT_LIMIT], translated)
    if found.consents and not found.consent:
        words = "Write the sentence for all other languages too."
        raise Invalid(words, fields={"consent": [words]})
    return accounts.keep_form(actor=actor, account_id=account_id, form=asdict(found))
