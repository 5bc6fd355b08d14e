"""A customer's answer to what they were asked to confirm: by a button, a code, or a plain yes."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import uuid5

from django.db.models import F, QuerySet

from conversations import services as conversations
from conversations.models import Conversation, Message
from conversations.services import Draft, Sender
from conversations.types import InboundMessage
from core.actors import Actor
from core.audit import chain
from core.jobs import queues
from core.models import Consent
from core.privacy.encryption import digest_of_secret
from core.reliability import loose_cache
from core.text.speech import gettext, gettext_noop, in_all_languages, speaking, spoken_here
from hub.drafts import CONFIRM, DECLINE, HUB, WHAT, code_digest, open_mark
from hub.models import TransactionDraft
from hub.selectors import amount_of

State, Way = TransactionDraft.State, TransactionDraft.Way
TRIES: Final = 5
DIGITS: Final = re.compile(r"(?<![0-9])([0-9]{3})[ -]?([0-9]{3})(?![0-9])")
"""What may be a code, wherever it stands."""
CODE: Final = re.compile(r"\s*([0-9]{3})[ -]?([0-9]{3})[ \t.]*(?:[\r\n]|$)")
SIGNATURES: Final = frozenset({"--", "—", "__", "___"})
"""Lines under which a signature stands."""
ADDED: Final = re.compile(
    r">|(sent from|get outlook|von meinem|gesendet von|envoyé|enviado|inviato da|verzonden) ?", re.IGNORECASE
)
"""How lines begin that mail programs add, or quote."""
TOLD: Final = "[confirmation code]"
"""What models and colleagues read in the place of a code."""
YES: Final = gettext_noop("Yes")
MORE_YES: Final = frozenset({"yes please", "yep", "ok", "okay", "i confirm", "confirm", "ja bitte", "jawohl", "vale"})
CONFIRMED: Final = gettext_noop("Thank you, you have confirmed {amount}. I'll tell you here once it's booked.")
DECLINED: Final = gettext_noop("All right, nothing will be paid.")
AGAIN: Final = gettext_noop("You have confirmed this already.")
ENDED: Final = gettext_noop("This can't be confirmed any more. Ask for it again if you still want it.")
WRONG: Final = gettext_noop("This code isn't right. Check it and send it again.")
LAST: Final = gettext_noop("That was the wrong code too many times. Ask for it again if you still want it.")


def may_confirm(inbound: InboundMessage) -> bool:
    """Return True for a message that could answer a card: a button of ours, nothing but a yes, or any six digits."""
    if has_digits(inbound):
        return True
    return inbound.sender.verified and not inbound.media and (bool(_pressed(inbound)) or is_yes(inbound.text))


def take_confirmation(
    inbound: InboundMessage, conversation: Conversation, moment: datetime
) -> Message | InboundMessage | None:
    """Keep an answer to a card, and answer it with our words; None for what is to be received as usual.

    In the caller's transaction, which has locked the conversation. Only the address that was asked can confirm, and
    only if its channel has proven the sender. No agent and no model sees a token or a code: one that stands among other
    words or in a quote confirms nothing, and the message is returned without it, to be received as usual. Writes
    `TRANSACTION_CONFIRMED`, `TRANSACTION_DECLINED` or `CONFIRMATION_FAILED`.
    """
    asked = TransactionDraft.objects.select_for_update(of=("self",)).filter(
        conversation__channel_account_id=conversation.channel_account_id,
        conversation__contact_id=conversation.contact_id,
        conversation__origin_id=conversation.origin_id,
    )
    pressed, digits = _pressed(inbound), find_code(inbound.text)
    waiting = find_waiting(asked, moment) if has_digits(inbound) else []
    hidden = without_code(inbound, waiting)
    if not inbound.sender.verified:
        return hidden
    if pressed:
        draft = asked.filter(token_digest=digest_of_secret(pressed.partition(":")[2])).first()
        if draft is None:
            return hidden
        said = _answer(draft, Way.BUTTON, moment) if pressed.startswith(CONFIRM) else decline(draft)
    elif digits:
        found = find_by_code(waiting, digits[1] + digits[2], moment)
        if found is None:
            return hidden
        draft, said = found
    elif inbound.media or not is_yes(inbound.text):
        return hidden
    else:
        only = find_only_open(asked, conversation, moment)
        if only is None:
            return hidden
        draft, said = only, _answer(only, Way.WORD, moment)
    conversations.hold_streams(conversation)
    metadata = (hidden or inbound).metadata
    plain = replace(inbound, metadata={name: value for name, value in metadata.items() if name != "button"})
    message = conversations.store_taken(plain, conversation=conversation, moment=moment, shown=TOLD if digits else "")
    with speaking(conversation.spoken_language):
        text = gettext(said).format(amount=amount_of(draft, spoken_here()))
    conversations.reply(
        actor=HUB,
        conversation_id=conversation.pk,
        draft=Draft(
            text=text,
            client_id=uuid5(draft.pk, str(message.pk)),
            purpose=Consent.Purpose.SERVICE,
            sender=Sender(type="system", name="walker"),
        ),
        now=moment,
    )
    action = {CONFIRMED: "TRANSACTION_CONFIRMED", DECLINED: "TRANSACTION_DECLINED"}.get(said, "CONFIRMATION_FAILED")
    writer = Actor(kind="contact", id=conversation.contact_id, name="customer", auth_strength="none")
    chain.note(writer, action, draft, message=str(message.pk), way=draft.confirmed_by, digest=draft.digest)
    if said == CONFIRMED:
        queues.enqueue_after_commit("request_commit", draft.pk)
    return message


def has_digits(inbound: InboundMessage) -> bool:
    """Return True if a code may stand in a message's text or its quote."""
    return any(DIGITS.search(text) for text in (inbound.text, quoted_text(inbound)))


def find_waiting(asked: QuerySet[TransactionDraft], moment: datetime) -> list[TransactionDraft]:
    """Return the drafts that wait for a code, the newest first. One query."""
    return list(asked.filter(state=State.OPEN, expires_at__gt=moment).exclude(code_digest="").order_by("-id"))


def without_code(inbound: InboundMessage, waiting: Sequence[TransactionDraft]) -> InboundMessage | None:
    """Return a message without the codes that drafts wait for, in its text and its quote; None if it has none."""
    texts = (inbound.text, quoted_text(inbound))
    text, quoted = (hide_codes(text, waiting) for text in texts)
    if (text, quoted) == texts:
        return None
    mail = {"mail": {**inbound.metadata["mail"], "quoted": quoted}} if quoted else {}
    return replace(inbound, text=text, metadata={**inbound.metadata, **mail})


def hide_codes(text: str, waiting: Sequence[TransactionDraft]) -> str:
    """Return a text without the codes that drafts wait for."""
    at = 0
    while waiting and (found := DIGITS.search(text, at)):
        code = found[1] + found[2]
        if any(draft.code_digest == code_digest(draft.pk, code) for draft in waiting):
            text, at = f"{text[: found.start()]}{TOLD}{text[found.end() :]}", found.start() + len(TOLD)
        else:
            at = found.end(1)  # a code may begin with its last three digits
    return text


def _answer(draft: TransactionDraft, way: TransactionDraft.Way, moment: datetime) -> str:
    """Confirm a draft if it is open, and return what the customer is told; pressed twice it is confirmed once."""
    if draft.state in (State.CONFIRMED, State.BOOKED):
        return AGAIN
    open_one = TransactionDraft.objects.filter(pk=draft.pk, state=State.OPEN, expires_at__gt=moment)
    # The token stays known, so that a second press is told what the first has done.
    if not open_one.update(state=State.CONFIRMED, confirmed_at=moment, confirmed_by=way, code_digest=""):
        return ENDED
    draft.confirmed_by = way
    return CONFIRMED


def decline(draft: TransactionDraft) -> str:
    """Note that a customer doesn't want what they were asked for, and return what they are told."""
    changed = TransactionDraft.objects.filter(pk=draft.pk, state=State.OPEN).update(state=State.DECLINED)
    if changed or draft.state == State.DECLINED:
        return DECLINED
    return AGAIN if draft.state in (State.CONFIRMED, State.BOOKED) else ENDED


def find_by_code(
    waiting: Sequence[TransactionDraft], code: str, moment: datetime
) -> tuple[TransactionDraft, str] | None:
    """Return the draft that a code is for with what is said, None where no draft waits for one.

    A wrong code counts for each draft that waits, so that there are five tries in all.
    """
    for draft in waiting:
        if draft.code_digest == code_digest(draft.pk, code):
            return draft, _answer(draft, Way.CODE, moment)
    if not waiting:
        return None
    rows = TransactionDraft.objects.filter(pk__in=[draft.pk for draft in waiting])
    rows.update(wrong_codes=F("wrong_codes") + 1)
    rows.filter(wrong_codes__gte=TRIES).update(state=State.ENDED, code_digest="")
    return waiting[0], LAST if waiting[0].wrong_codes + 1 >= TRIES else WRONG


def find_only_open(
    asked: QuerySet[TransactionDraft], conversation: Conversation, moment: datetime
) -> TransactionDraft | None:
    """Return the one open draft of a contact, if nothing was written since they were asked here."""
    if not loose_cache.find(open_mark(conversation.contact_id), what=WHAT):
        return None
    still = {"state": State.OPEN, "expires_at__gt": moment}
    all_open = TransactionDraft.objects.filter(conversation__contact_id=conversation.contact_id, **still)
    here = list(asked.filter(conversation=conversation, **still)[:2])
    if len(here) != 1 or all_open.count() != 1:
        return None
    since = Message.objects.filter(conversation=conversation, direction=Message.Direction.IN, seq__gt=here[0].card_seq)
    return None if since.exists() else here[0]


def _pressed(inbound: InboundMessage) -> str:
    """Return what a button of a card carries, "" for all other messages."""
    button = inbound.metadata.get("button")
    payload = str(button.get("payload", "")) if isinstance(button, dict) else ""
    return payload if payload.startswith((CONFIRM, DECLINE)) else ""


def find_code(text: str) -> re.Match[str] | None:
    """Return the code that a text is, where nothing follows but a signature, a quote or what a mail program adds."""
    found = CODE.match(text)
    for line in map(str.strip, text[found.end() :].splitlines()) if found else ():
        if line in SIGNATURES:
            break
        if line and not ADDED.match(line):
            return None
    return found


def quoted_text(inbound: InboundMessage) -> str:
    """Return what a mail quotes: our card may be in it, with its code."""
    mail = inbound.metadata.get("mail")
    return str(mail.get("quoted", "")) if isinstance(mail, dict) else ""


def is_yes(text: str) -> bool:
    """Return True for a text that is nothing but a yes."""
    return len(text) < 20 and " ".join(text.lower().replace(",", " ").split()).rstrip(".! ") in _yes()


@lru_cache(maxsize=1)
def _yes() -> frozenset[str]:
    return MORE_YES | {each.lower() for each in in_all_languages(YES)}
