"""Proving that an address at a channel is a colleague's own, by a code sent to it."""

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from accounts.models import User
from accounts.notices import USE
from accounts.permissions.role_limits import refuse_stale_sign_in
from channels_app.models import ColleagueAddress
from conversations.models import ChannelAccount
from core import notices
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid
from core.privacy.encryption import blind_index
from core.reliability.rate_limit import limit_per_hour

CODE_LIFE: Final = timedelta(minutes=10)
CODE_DIGITS: Final = 8
# Numbers that are given up go to other people after some months; Slack never gives a user to another person.
NUMBER_LIFE: Final = timedelta(days=180)
TRIES: Final = 5
CODES_PER_HOUR: Final = 10
OBJECT: Final = "channels_app.colleagueaddress"
KIND: Final = "own_address"
_ADDRESS: Final = "channels_app_colleagueaddress.address_digest"
_CODE: Final = "channels_app_colleagueaddress.code_digest"
LINKED: Final = {
    "user": "What is decided there counts as yours.",
    "number": "Requests that need you are sent there, with a link to decide them.",
}
WRONG: Final = "This isn't the code, or it is no longer valid. Request a new one if you need to."


class AddressNotice(notices.NoticeKind):
    """Notices that an address became somebody's own, which they should know of."""

    label, icon = "Own address", "key"


notices.kinds.register(KIND, AddressNotice)


class Wanted(NamedTuple):
    """A code to be sent, and the address it goes to."""

    address_id: UUID
    code: str


def request_code(*, actor: Actor, account: ChannelAccount, address: str) -> Wanted:
    """Start proving that an address is the actor's own, and return the code to send to it.

    An earlier code of theirs ends. Needs `accounts.use_notices` and a password entered lately: what comes from a
    proven address counts as theirs. Raises Refused (also `confirm_first`), Invalid and TooMany.
    """
    person_id = person_behind(actor)
    refuse_stale_sign_in(actor)
    # A code is guessed against one row, and goes to an address that may be a stranger's.
    limit_per_hour(f"address-code:{person_id}", limit=CODES_PER_HOUR, sentence="Too many codes. Try again in an hour.")
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    with transaction.atomic():
        _waiting(account, person_id).delete()
        row = ColleagueAddress(channel_account=account, person_id=person_id, address=address)
        row.address_digest = blind_index(address, column=_ADDRESS)
        row.code_digest = _digest(row.pk, code)
        row.code_until = clock_now() + CODE_LIFE
        row.save(force_insert=True)
        chain.record(actor, "OWN_ADDRESS_CODE_SENT", OBJECT, row.pk, facts={"channel": account.kind})
    return Wanted(row.pk, code)


def confirm_code(*, actor: Actor, account: ChannelAccount, code: str, now: datetime | None = None) -> ColleagueAddress:
    """Link the address that the actor's code was sent to; an earlier one of theirs at the account ends.

    Numbers change hands: a colleague who proved this one before loses it, and gets a notice. Needs
    `accounts.use_notices`. After five wrong codes another has to be requested. Raises Refused, Invalid with the
    field, and Conflict when a Slack user is somebody else's. Audited, and left as a notice.
    """
    person_id, moment = person_behind(actor), now or clock_now()
    refuse_stale_sign_in(actor)
    wrong = Invalid(WRONG, fields={"code": [WRONG]})
    found = _waiting(account, person_id).filter(code_until__gt=moment, tries__lt=TRIES).first()
    # Counted before it is compared, so that attempts in parallel count, too.
    if found is None or not _waiting(account, person_id).filter(pk=found.pk, tries__lt=TRIES).update(
        tries=F("tries") + 1
    ):
        raise wrong
    if not hmac.compare_digest(found.code_digest, _digest(found.pk, "".join(code.split()))):
        raise wrong
    try:
        with transaction.atomic():
            facts = [chain.Fact(actor, "OWN_ADDRESS_LINKED", OBJECT, found.pk, facts={"channel": account.kind})]
            if account.kind == ChannelAccount.Kind.WHATSAPP:
                facts += _take_from_others(actor, found, moment)
            _proven(account).filter(person_id=person_id).delete()
            _waiting(account, person_id).filter(pk=found.pk).update(proven_at=moment, code_digest="", code_until=None)
            notices.leave(
                people=[person_id],
                kind=KIND,
                title=f"Your {account.kind_label} {_noun(account)} was linked",
                link="",
                body=f"{LINKED[_noun(account)]} If this wasn't you, unlink it and change your password.",
                level="alert",
                dedupe_key=f"own-address:{found.pk}",
                now=moment,
            )
            chain.record_all(facts)
    except IntegrityError:
        raise Conflict("This address is already linked to a colleague. They have to unlink it first.") from None
    return found


def _take_from_others(actor: Actor, found: ColleagueAddress, moment: datetime) -> list[chain.Fact]:
    """Unlink a number from the colleague who proved it before; return what the caller records of it."""
    taken = []
    account = found.channel_account
    rows = _proven(account).filter(address_digest=found.address_digest).exclude(person_id=found.person_id)
    for row in rows.select_for_update():
        facts = {"channel": account.kind, "proven_by": str(found.person_id)}
        taken.append(chain.Fact(actor, "OWN_ADDRESS_UNLINKED", OBJECT, row.pk, facts=facts))
        notices.leave(
            people=[row.person_id],
            kind=KIND,
            title=f"Your {account.kind_label} {_noun(account)} was unlinked",
            link="",
            body="A colleague entered the code that was sent to it. If it is still yours, link it again and tell an "
            "administrator.",
            level="alert",
            dedupe_key=f"own-address-taken:{row.pk}",
            now=moment,
        )
        row.delete()
    return taken


def _noun(account: ChannelAccount) -> str:
    return "number" if account.kind == ChannelAccount.Kind.WHATSAPP else "user"


def unlink(*, actor: Actor, account: ChannelAccount) -> None:
    """Unlink the actor's own address at an account. Needs `accounts.use_notices`; raises Refused and NotFound."""
    person_id = person_behind(actor)
    with transaction.atomic():
        row = get_or_missing(
            _proven(account).select_for_update().filter(person_id=person_id), "You have no linked address here."
        )
        chain.record(actor, "OWN_ADDRESS_UNLINKED", OBJECT, row.pk, facts={"channel": account.kind})
        row.delete()


def forget_all(account: ChannelAccount) -> int:
    """Unlink everyone at an account that now belongs to another workspace, in the caller's transaction."""
    return int(ColleagueAddress.objects.filter(channel_account=account).delete()[0])


def person_of(account: ChannelAccount, address: str) -> User | None:
    """Return the colleague whose proven address this is, or None. One query."""
    digest = blind_index(address, column=_ADDRESS)
    row = _proven(account).filter(address_digest=digest).select_related("person").first()
    return None if row is None else row.person


def address_of(account: ChannelAccount, person_id: UUID) -> str:
    """Return the proven address of a colleague, or "". One query."""
    row = _proven(account).filter(person_id=person_id).first()
    return "" if row is None else str(row.address)


def person_behind(actor: Actor) -> UUID:
    """Return the id of the person who is signed in to the console. Raises Refused for programs."""
    actor.require(USE)
    say = "Only people can do this, signed in to the console, and only for themselves."
    return actor.require_person(say, by_key=False)


def _waiting(account: ChannelAccount, person_id: UUID) -> QuerySet[ColleagueAddress]:
    return ColleagueAddress.objects.filter(channel_account=account, person_id=person_id, proven_at=None)


def _proven(account: ChannelAccount) -> QuerySet[ColleagueAddress]:
    return ColleagueAddress.objects.filter(channel_account=account, proven_at__isnull=False)


def _digest(address_id: UUID, code: str) -> str:
    """Return a keyed digest: eight digits are too few for one that anyone could compute."""
    return blind_index(f"{address_id}:{code}", column=_CODE)
