"""Templates of WhatsApp accounts: kept as the provider has them, chosen for uses, filled for a message."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from conversations.channel_accounts.template_parts import needs_more
from conversations.models import ChannelAccount, MessageTemplate
from conversations.texts import VARIABLES, as_variable, clean, cleaned, gaps_of, with_gaps_filled
from conversations.types import OutboundTemplate
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Conflict, Invalid, NotFound

CHANGE: Final = "channels_app.change_channelaccount"
# Keys of a message's metadata.
USE: Final = "template_use"
LANGUAGE: Final = "language"
FIRST_LANGUAGE: Final = "en"
NO_TEMPLATE: Final = "no_template"
NOT_APPROVED: Final = "template_not_approved"
TOO_FEW: Final = "too_few_variables"
NO_GAP: Final = "template_without_gap"
NEEDS_MORE: Final = "template_needs_more"
REFUSALS: Final = {
    NO_TEMPLATE: "No template is chosen for this. Choose one under Templates, or wait until they write.",
    NOT_APPROVED: "WhatsApp doesn't accept the chosen template any more. Choose another one under Templates.",
    TOO_FEW: "Fill every gap of the template: it has more than this message fills.",
    NEEDS_MORE: "This template needs a file, or values in its heading or buttons, and Walker only fills gaps in the "
    "text. Choose another one under Templates.",
    NO_GAP: "This template has no gap for your text. Leave the text empty to send the template as it is.",
}
MASK: Final = "•••"
# What Walker sends templates for today, in the order of the console.
SENT_USES: Final = tuple(
    (use.value, use.label)
    for use in (
        MessageTemplate.Use.OUTCOME,
        MessageTemplate.Use.REOPENING,
        MessageTemplate.Use.SURVEY,
        MessageTemplate.Use.NOTICE,
        MessageTemplate.Use.CODE,
    )
)
# Uses whose message is lost unless the template has a gap for it.
NEEDS_GAP: Final = (
    MessageTemplate.Use.OUTCOME, MessageTemplate.Use.SURVEY, MessageTemplate.Use.NOTICE, MessageTemplate.Use.CODE
)  # fmt: skip
# Uses that also fill the button of a template for codes.
FILLS_BUTTON: Final = (MessageTemplate.Use.NOTICE, MessageTemplate.Use.CODE)
AUTHENTICATION: Final = "authentication"
State = MessageTemplate.State


@dataclass(frozen=True, slots=True)
class FoundTemplate:
    """One template as the provider lists it."""

    name: str
    language: str
    provider_id: str
    state: str
    category: str = ""
    body: str = ""
    components: list[Any] = field(default_factory=list)


def preview_of(*, template: MessageTemplate, names: Sequence[str] = ()) -> str:
    """Return the text with masked values for its variables, the first by `names`."""
    shown = dict(zip(template.variables, names, strict=False))
    return with_gaps_filled(str(template.body), shown, otherwise=MASK)


@transaction.atomic
def store_templates(*, account_id: UUID, found: Iterable[FoundTemplate]) -> int:
    """Keep the templates that the provider lists, and return how many.

    What it lists no more is deleted there. For channels, in the tenant's scope. A chosen template that can't be sent
    any more is noted as the account's trouble.
    """
    account: ChannelAccount = ChannelAccount.objects.select_for_update().get(pk=account_id)
    moment, rows = clock_now(), {(clean(one.name)[:512], clean(one.language)[:16]): one for one in found}
    for (name, language), one in rows.items():
        facts = {
            "provider_id": clean(one.provider_id)[:80],
            "category": clean(one.category)[:20].lower(),
            "state": one.state if one.state in State.values else State.PENDING,
            "body": clean(one.body)[:4000],
            "components": cleaned(one.components),
            "variables": gaps_of(clean(one.body)),
            "synced_at": moment,
        }
        known = MessageTemplate.objects.filter(channel_account=account)
        # One that was known by its id only, or was renamed, stays chosen.
        if one.provider_id and not known.filter(name=name, language=language).exists():
            known.filter(provider_id=facts["provider_id"]).update(name=name, language=language)
        MessageTemplate.objects.update_or_create(channel_account=account, name=name, language=language, defaults=facts)
    MessageTemplate.objects.filter(channel_account=account, synced_at__lt=moment).update(state=State.GONE)
    _note_lost(account, moment)
    return len(rows)


@transaction.atomic
def change_template(*, provider_id: str, state: str = "", category: str = "") -> int:
    """Change a template as its provider reports; return how many accounts have it.

    For channels, in the tenant's scope. A chosen template that can't be sent any more is noted as its accounts'
    trouble.
    """
    rows = MessageTemplate.objects.filter(provider_id=provider_id).exclude(provider_id="")
    wanted = {"state": state if state in State.values else "", "category": category[:20].lower()}
    accounts = ChannelAccount.objects.select_for_update(of=("self",))
    changed = list(accounts.filter(pk__in=rows.values("channel_account_id")).order_by("pk"))
    rows.update(**{name: value for name, value in wanted.items() if value}, synced_at=F("synced_at"))
    for account in changed:
        _note_lost(account, clock_now())
    return len(changed)


@transaction.atomic
def note_refused(*, template_id: UUID, state: str) -> None:
    """Change a template that its provider just refused to send.

    The next fetch may change it again. For channels, in the tenant's scope. A chosen one is noted as its account's
    trouble.
    """
    template = MessageTemplate.objects.filter(pk=template_id, state=State.APPROVED).first()
    if template is None or state not in State.values:
        return
    account = ChannelAccount.objects.select_for_update(of=("self",)).get(pk=template.channel_account_id)
    MessageTemplate.objects.filter(pk=template_id).update(state=state)
    _note_lost(account, clock_now())


def _note_lost(account: ChannelAccount, moment: datetime) -> None:
    """Note on the account whether a chosen template can't be sent."""
    chosen = [key for languages in account.template_uses.values() for key in languages.values()]
    lost = MessageTemplate.objects.filter(pk__in=chosen).exclude(state=State.APPROVED)
    if lost.exists():
        account.last_error, account.last_error_at = NOT_APPROVED, moment
        account.save(update_fields=["last_error", "last_error_at"])
    elif account.last_error == NOT_APPROVED:
        account.last_error, account.last_error_at = "", None
        account.save(update_fields=["last_error", "last_error_at"])


def use_template(*, actor: Actor, template_id: UUID, use: str) -> MessageTemplate:
    """Send this template for a use in its language from now on.

    Needs `channels_app.change_channelaccount`; raises `NotFound`, `Invalid` for an unknown use, `Conflict` for a
    template that isn't approved.
    """
    return _choose(actor, template_id, use, is_used=True)


def stop_using_template(*, actor: Actor, template_id: UUID, use: str) -> MessageTemplate:
    """Remove this template from a use. Needs and raises what `use_template` does."""
    return _choose(actor, template_id, use, is_used=False)


@transaction.atomic
def _choose(actor: Actor, template_id: UUID, use: str, *, is_used: bool) -> MessageTemplate:
    actor.require(CHANGE)
    if use not in MessageTemplate.Use.values:
        raise Invalid("Templates aren't sent for this.", fields={"use": ["Choose one from the list."]})
    # The account first, as the sweep does that keeps what the provider lists.
    accounts = ChannelAccount.objects.select_for_update(of=("self",))
    account = accounts.filter(
        pk__in=MessageTemplate.objects.filter(pk=template_id).values("channel_account_id")
    ).first()
    template: MessageTemplate = locked(MessageTemplate, template_id, "There is no such template.")
    if account is None:
        raise NotFound("There is no such template.")
    if is_used and template.state != State.APPROVED:
        raise Conflict("Only an approved template can be sent.", code=NOT_APPROVED, state=template.state)
    if is_used and not can_fill(template, use=use):
        raise Conflict(REFUSALS[NEEDS_MORE], code=NEEDS_MORE)
    if is_used and use in NEEDS_GAP and not template.variables:
        raise Conflict("This template has no gap such as {{1}}, so it can't carry the message.", code=NO_GAP)
    languages = dict(account.template_uses.get(use) or {})
    before = languages.get(template.language, "")
    if is_used:
        languages[template.language] = str(template.pk)
    else:
        languages = {language: key for language, key in languages.items() if key != str(template.pk)}
    account.template_uses = {**account.template_uses, use: languages}
    account.save(update_fields=["template_uses"])
    language, after = template.language, languages.get(template.language, "")
    chain.note(actor, "TEMPLATE_CHOSEN", account, use=use, language=language, before=before, template=after)
    return template


def can_fill(template: MessageTemplate, *, use: str = "") -> bool:
    """Return True if a use fills all that a template needs.

    Without a use: if any does.
    """
    fills_button = not use or use in FILLS_BUTTON
    takes_code = fills_button and template.category == AUTHENTICATION
    return not needs_more(template.components, template.variables, takes_code=takes_code)


def uses_of(template: MessageTemplate, *, account: ChannelAccount) -> list[str]:
    """Return the uses that a template is sent for."""
    return [use for use, languages in account.template_uses.items() if str(template.pk) in languages.values()]


def has_template(account: ChannelAccount, *, use: str = "") -> bool:
    """Return True if a template is chosen for this use.

    That of outcomes stands in for every use. Makes no query.
    """
    return bool(_languages(account, use))


def list_templates(account: ChannelAccount, use: str, spoken: str = "") -> list[MessageTemplate]:
    """Return the templates that can be sent for a use, first the one for who speaks this language."""
    found = [one for one in _read_chosen(account, use) if not _fault_of(one, use)]
    return sorted(found, key=lambda one: (one.language != spoken, not _is_spoken(one, spoken)))


def find_template(account: ChannelAccount, metadata: Mapping[str, Any], spoken: str = "") -> MessageTemplate | str:
    """Return the template for a message by its use and language, or the code of why none can be sent.

    `spoken` is the contact's language, which counts where the message names none. Without a template in the
    language it is the one in English, else any that is chosen and can be sent.
    """
    use = str(metadata.get(USE) or "")
    chosen = _read_chosen(account, use)
    wanted = str(metadata.get(LANGUAGE) or "")
    for language in (wanted, wanted[:2]):
        named = next((one for one in chosen if one.language == language), None)
        if named is not None:
            return _fault_of(named, use) or named
    language = wanted or spoken
    fitting = [one for one in chosen if not _fault_of(one, use)]
    fitting.sort(key=lambda one: (one.language != language, not _is_spoken(one, language)))
    return fitting[0] if fitting else (_fault_of(chosen[0], use) if chosen else NO_TEMPLATE)


def _fault_of(template: MessageTemplate, use: str) -> str:
    """Return the code of why a template can't be sent for a use, or ""."""
    if template.state != State.APPROVED:
        return NOT_APPROVED
    return "" if can_fill(template, use=use or MessageTemplate.Use.OUTCOME) else NEEDS_MORE


def _is_spoken(template: MessageTemplate, language: str) -> bool:
    """Return True for the same language of any country."""
    return template.language.partition("_")[0] == language.partition("_")[0]


def fill_template(
    account: ChannelAccount, text: str, metadata: Mapping[str, Any], spoken: str = ""
) -> OutboundTemplate | str:
    """Return the template for a message with its values, or the code of why there is none.

    The text is the first variable, `metadata.template_variables` are the next ones. A template without variables
    carries no other text than its own.
    """
    template = find_template(account, metadata, spoken)
    if isinstance(template, str):
        return template
    if not template.variables and text != template.body:
        return NO_GAP
    more = metadata.get(VARIABLES)
    values = [text, *(more if isinstance(more, list) else [])]
    lines = [as_variable(str(value)) for value in values][: len(template.variables)]
    if len(lines) < len(template.variables) or not all(lines):
        return TOO_FEW
    return OutboundTemplate(
        name=template.name,
        language=template.language,
        provider_id=template.provider_id,
        values=dict(zip(template.variables, lines, strict=True)),
        template_id=template.pk,
        body=template.body,
    )


def _languages(account: ChannelAccount, use: str) -> dict[str, str]:
    chosen = account.template_uses.get(use) or account.template_uses.get(MessageTemplate.Use.OUTCOME) or {}
    return {language: key for language, key in chosen.items() if key}


def _read_chosen(account: ChannelAccount, use: str) -> list[MessageTemplate]:
    """Return the templates chosen for a use, each once, English first."""
    keys = list(dict.fromkeys(_languages(account, use).values()))
    rows: dict[str, MessageTemplate] = {
        str(one.pk): one for one in MessageTemplate.objects.filter(pk__in=keys, channel_account=account)
    }
    found = [rows[key] for key in keys if key in rows]
    return sorted(found, key=lambda one: one.language != FIRST_LANGUAGE)
