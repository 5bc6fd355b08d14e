"""The port of outside systems: what can be read there, what can be requested, and what a brief says of it.

A platform is one class, named in the setting PLATFORMS. Nothing else has to know it: agents get their tools, the
approval engine its kinds and the daily brief its sections from what it declares.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel

from hitl.actions.base import ActionKind, Params
from integrations.calls.answers import Answer
from integrations.calls.operations import Line
from integrations.models import ProviderAccount
from integrations.schemes import Bearer, Scheme

P = TypeVar("P", bound="Arguments")
Tone = Literal["neutral", "accent", "good", "warn", "danger"]
Finding = Mapping[str, str | int]
"""Something that stands out: a `code`, a `weight` and the facts for its sentence."""


class Arguments(Params):
    """Base of every tool's arguments; unknown fields are refused."""


@dataclass(frozen=True)
class Lookup(Generic[P]):
    """Something that members can read on a platform: one reading tool of agents.

    `ability` completes the sentence "I can …". `run` gets an open client and returns JSON; it raises Unavailable when
    the platform doesn't answer, and Invalid with the choices for a name that fits nothing. `kept_seconds` is how long
    an equal reading may be answered again. `says_state` gives the words by which an answer may tell a state that was
    read, and how the reading writes it: "paused" as a state of a campaign is no claim that somebody paused it.
    """

    key: str
    title: str
    ability: str
    description: str
    params: type[P]
    run: Callable[[Any, P], dict[str, Any]]
    kept_seconds: int = 0
    says_state: Mapping[str, str] = field(default_factory=dict)


class BriefWords(Protocol):
    """Texts and formats of a brief's language; a section's own texts are among them."""

    def say(self, key: str, **facts: object) -> str:
        """Return a text by key."""

    def count(self, key: str, count: int, **facts: object) -> str:
        """Return a text about a number of things, in singular or plural."""

    def number(self, value: int | Decimal, places: int = 0) -> str:
        """Return a number with grouped thousands."""

    def money(self, value: Decimal, currency: str, places: int = 0) -> str:
        """Return an amount with its currency."""

    def span(self, length: timedelta) -> str:
        """Return a duration in its largest unit."""

    def days(self, count: int) -> str:
        """Return a number of days."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its label."""

    value: str
    label: str
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a section: its `bar` in percent (0 draws none), and the approval that it has buttons to `decide`."""

    title: str
    note: str = ""
    value: str = ""
    bar: int = 0
    tone: Tone = "neutral"
    url: str = ""
    decide: str = ""


def share(value: float, most: float) -> int:
    """Return a bar's length in percent: at least 2 for a positive value."""
    return 0 if value <= 0 or most <= 0 else max(2, min(100, round(value / most * 100)))


def finding(code: str, weight: int, **facts: str | int) -> Finding:
    """Return something that stands out; the heaviest comes first."""
    return {"code": code, "weight": weight, **facts}


def counted(code: str, count: int, weight: int, **facts: str | int) -> Finding:
    """Return a finding about a number of things, with its own code for one."""
    return finding(f"{code}_one" if count == 1 else code, weight, count=count, **facts)


@dataclass(frozen=True, slots=True)
class SectionContent:
    """What a platform's section shows: figures on top, its rows in order, and what stands out."""

    figures: tuple[Figure, ...] = ()
    rows: Sequence[Row] = ()
    findings: Sequence[Finding] = ()


@dataclass(frozen=True)
class BriefSection:
    """A section of the daily brief that a platform offers.

    It is read for people who may use `tool` through the active agent of the type `agent`, and its button opens the
    requests of `kind`. `texts` are its own words by language: its title under `key`, `<key>_none`, `<key>_open`,
    `not_connected`, and what `build` says. `title` is its name in the console.
    """

    key: str
    title: str
    agent: str
    tool: str
    kind: str
    texts: Mapping[str, Mapping[str, str]]
    read: Callable[[Any], list[Any]]
    build: Callable[[list[Any], BriefWords, datetime], SectionContent]


UNKNOWN_BUDGET: Final = "unknown"
AD_CAMPAIGN: Final = "ad_campaign"
"""The type of what mirrors keep, for the `target` of kinds that change it."""


@dataclass(frozen=True, slots=True)
class AdCampaignRow:
    """An ad campaign as a mirror keeps it: status and daily budget in the shape of requests' facts.

    The budget is "" for none, and `UNKNOWN_BUDGET` where the platform doesn't tell it.
    `origin` is what its platform looks up who changed it by.
    """

    key: str
    name: str
    status: str
    daily_budget: str
    currency: str
    origin: Any = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class MirrorPage:
    """A page of ad campaigns, and the position of the next one or, after the last, of the next reading."""

    rows: Sequence[AdCampaignRow]
    position: Mapping[str, Any]
    is_last: bool


@dataclass(frozen=True, slots=True)
class LastChange:
    """Who changed an ad campaign, and when, as the vendor's change log says."""

    at: datetime
    by: str
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Mirror:
    """How a platform's ad campaigns are read for a mirror; both are outside calls by an open client.

    `read_page` gets the position of a page, empty for the first reading. `find_change` returns who changed one of some
    facts of a row to what it is now, since a moment; None if the change log doesn't say it.
    """

    read_page: Callable[[Any, Mapping[str, Any]], Answer[MirrorPage]]
    find_change: Callable[[Any, AdCampaignRow, Sequence[str], datetime], LastChange | None]


class Platform(ABC):
    """An outside system on which members read and request changes; registered once, without state of its own."""

    key: ClassVar[str]
    """The `provider` of its accounts."""
    title: ClassVar[str]
    credentials: ClassVar[type[BaseModel]]
    """What an account needs; checked when it is connected and whenever a client is opened."""
    scheme: ClassVar[Scheme] = Bearer()
    """How requests to it are authorised."""
    kinds: ClassVar[tuple[type[ActionKind[Any]], ...]] = ()
    lookups: ClassVar[tuple[Lookup[Any], ...]] = ()
    sections: ClassVar[tuple[BriefSection, ...]] = ()
    also_requested: ClassVar[tuple[str, ...]] = ()
    """The titles of what other apps request over its connections, for people."""
    also_read: ClassVar[tuple[str, ...]] = ()
    mirror: ClassVar[Mirror | None] = None
    webhook: ClassVar[str] = ""
    """The name of the route to which it posts what has changed; "" if it posts nothing."""
    webhook_words: ClassVar[str] = ""
    """What people have to know and do about that, on the page of a connection."""

    def is_for_tools(self, account: ProviderAccount) -> bool:
        """Return False for an account that somebody connected for what other apps exchange with it alone."""
        return True

    @abstractmethod
    def connect(self, credentials: Any, line: Line) -> AbstractContextManager[Any]:
        """Return a client for checked `credentials`, whose calls are made over `line` by `integrations.calls.runner`.

        Raises Unavailable without an address of the system.
        """

    def summary(self, client: Any) -> str:
        """Return one line about the account, for people who look after it (outside call)."""
        return self.title

    def audience_sizes(self, client: Any) -> dict[str, int]:
        """Return how many people each audience has, by its name (outside call)."""
        return {}
