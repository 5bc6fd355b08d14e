"""Reading from the advertising platform that the tenant in scope has connected, and finding what a name means."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.clock import now
from core.errors import Invalid, Unavailable
from core.text.matching import closest, normalise_name
from integrations import platforms
from integrations.ads.ports import AdsClient
from integrations.ads.types import AdAccount, Figures
from integrations.calls.answers import Answer, Ok
from integrations.calls.operations import Line

MOST_CHOICES: Final = 20
T = TypeVar("T")


class Named(Protocol):
    """What has an id and a name at the vendor."""

    @property
    def id(self) -> str:
        """The vendor's id."""

    @property
    def name(self) -> str:
        """What people call it."""


N = TypeVar("N", bound=Named)


def connect(provider: str, *, attempts: int = 3, seconds: float | None = None) -> AbstractContextManager[Any]:
    """Return a client for the tenant's ad account, whose answers are of now. Raises Unavailable without one."""
    connection = platforms.connection(provider)
    return connection.open(Line(connection.account, seconds=seconds, attempts=attempts))


def value_of(provider: str, answer: Answer[T]) -> T:
    """Return the value of a read; raises Unavailable with the code of its failure."""
    if isinstance(answer, Ok):
        return answer.value
    title = platforms.get(provider).title
    raise Unavailable(f"{title} didn't answer as expected.", code=f"{provider}_{answer.code}"[:60])


def read_figures(
    provider: str, client: AdsClient, account: AdAccount, days: int, object_id: str = ""
) -> tuple[date, date, list[Figures]]:
    """Return a period of whole days up to yesterday where the account is, and the figures in it (outside calls)."""
    try:
        today = now().astimezone(ZoneInfo(account.timezone)).date()
    except (ZoneInfoNotFoundError, ValueError):
        today = now().date()
    first, last = today - timedelta(days), today - timedelta(1)
    return first, last, value_of(provider, client.list_figures(first, last, object_id))


def read_spend(provider: str, client: AdsClient, account: AdAccount, object_id: str) -> Decimal:
    """Return what an object spent in the last seven days (outside call)."""
    *_, rows = read_figures(provider, client, account, 7, object_id)
    return sum((row.spend for row in rows), Decimal(0))


def find(rows: Iterable[N], reference: str, field: str, called: str) -> N:
    """Return the only one with this id or name, ignoring case; a near miss is suggested, never chosen.

    Raises Invalid with the choices.
    """
    known, wanted = list(rows), normalise_name(reference)
    for column in ("id", "name"):
        matches = [one for one in known if normalise_name(getattr(one, column)) == wanted]
        exact = [one for one in matches if getattr(one, column) == reference.strip()]
        if len(matches) == 1 or len(exact) == 1:
            return (exact or matches)[0]
        if matches:
            choices = [f"{one.id} — {one.name}" for one in matches][:MOST_CHOICES]
            raise unclear("Several have this name.", field, called, "ambiguous", choices)
    names = [one.name for one in known]
    near = closest(reference, names)
    raise unclear("None has this name.", field, called, "unknown_name", near or names[:MOST_CHOICES], near=bool(near))


def unclear(problem: str, field: str, called: str, code: str, choices: list[str], *, near: bool = True) -> Invalid:
    """Return the error for a reference that doesn't name exactly one."""
    return Invalid(f"Which {called}? {problem}", code=code, fields={field: [problem]}, choices=choices, near=near)
