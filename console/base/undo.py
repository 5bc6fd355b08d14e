"""Offer to undo what a person has just done, on each page until the time for it is over."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest

from core.clock import now
from core.tenancy.scope import current_tenant_id

_KEPT: Final = "undo_offers"
_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class UndoOffer:
    """What was done to which object, where it is undone by POST, and until when; kept in the person's session."""

    name: str
    page: str
    says: str
    url: str
    until: str
    tenant: str

    @classmethod
    def of(cls, name: str, page: str, says: str, url: str, until: datetime) -> "UndoOffer":
        """Return an offer about an object of the organisation in scope."""
        return cls(name, page, says, url, until.isoformat(), str(current_tenant_id()))

    @property
    def ends(self) -> datetime:
        """Return when it can no longer be undone."""
        return datetime.fromisoformat(self.until)

    @property
    def milliseconds_left(self) -> int:
        """Return how long it can still be undone, for pages on machines whose clock is wrong."""
        return int((self.ends - now()).total_seconds() * 1000)


def offer_undo(request: HttpRequest, offer: UndoOffer) -> None:
    """Show a bar with a button on the person's next pages, as long as it can be undone."""
    kept = [asdict(each) for each in list_offers(request) if each.url != offer.url]
    request.session[_KEPT] = [asdict(offer), *kept][:_MOST]


def withdraw_offer(request: HttpRequest, url: str) -> None:
    """Stop offering to undo something, wherever it leads back to: it was undone or cannot be any more."""
    if _KEPT in request.session:
        path = url.partition("?")[0]
        request.session[_KEPT] = [row for row in request.session[_KEPT] if row["url"].partition("?")[0] != path]


def list_offers(request: HttpRequest) -> list[UndoOffer]:
    """Return what the person can undo now in the organisation in scope, newest first."""
    rows: list[Mapping[str, Any]] = request.session.get(_KEPT) or []
    offers = [UndoOffer(**row) for row in rows]
    here, moment = str(current_tenant_id()), now()
    return [offer for offer in offers if offer.tenant == here and offer.ends > moment]
