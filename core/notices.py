"""Notices: short messages for people, which any app leaves through this port."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Literal, NotRequired, TypedDict, Unpack, get_args
from uuid import UUID

from django.utils.http import url_has_allowed_host_and_scheme

from core.clock import now as clock_now
from core.privacy.pii import mask_text
from core.registry import Registry
from core.text.clean import clean_text

Level = Literal["info", "warning", "alert"]
LEVELS: Final[tuple[str, ...]] = get_args(Level)
TITLE_LIMIT: Final = 120
BODY_LIMIT: Final = 300
LINK_LIMIT: Final = 300
KEY_LIMIT: Final = 200


class NoticeKind:
    """A kind of notice: how the list names it, and its icon in the console."""

    label: ClassVar[str]
    icon: ClassVar[str] = "bell"


kinds: Final[Registry[NoticeKind]] = Registry(NoticeKind, name="notice kind")


def register_kind(key: str, label: str, icon: str = NoticeKind.icon) -> None:
    """Register a kind of notice: how the list names it, and its icon in the console."""
    kinds.register(key, type(key, (NoticeKind,), {"label": label, "icon": icon}))


class NoticeWords(TypedDict):
    """What a notice is to say, as `leave` takes it."""

    kind: str
    title: str
    link: str
    body: NotRequired[str]
    level: NotRequired[Level]
    dedupe_key: NotRequired[str]


@dataclass(frozen=True, slots=True)
class NewNotice:
    """What a notice says; texts are masked and links checked."""

    kind: str
    title: str
    body: str
    link: str
    level: Level
    dedupe_key: str


class NoticeStore(ABC):
    """Stores notices, and knows who holds which right."""

    @abstractmethod
    def leave(self, *, people: Collection[UUID], notice: NewNotice, moment: datetime) -> None:
        """Store a notice for each person, in the caller's transaction."""

    @abstractmethod
    def settle(self, *, people: Collection[UUID], kind: str, link: str, moment: datetime) -> None:
        """Mark the unseen notices of these people with this kind and link as seen."""

    @abstractmethod
    def people_holding(self, permission: str) -> Collection[UUID]:
        """Return the members of the tenant in scope who hold a permission now."""


_stores: list[NoticeStore] = []


def store_with(store: NoticeStore) -> None:
    """Set what stores notices, when the app is ready."""
    _stores[:] = [store]


def leave(*, people: Iterable[UUID], now: datetime | None = None, **said: Unpack[NoticeWords]) -> None:
    """Leave a notice for each of these people, in the caller's transaction.

    For the system, in the tenant's scope. `kind` is a registered key. `title` and `body` are short plain texts
    without personal data: references and counts, no names and no quotations; what looks like personal data is
    masked. `link` is a path of our own site, or "". A person gets one notice per `dedupe_key`: the same key again
    does nothing, so put into it what identifies the change. The level "alert" is also mailed, at most one mail per
    person, kind and hour. Neither leaving a notice nor seeing it is audited: it decides nothing. Raises NotFound for
    an unknown kind, ValueError for another level, a long key or a link elsewhere.
    """
    if unknown := said.keys() - NoticeWords.__annotations__.keys():
        raise TypeError(f"a notice says no {', '.join(sorted(unknown))}")
    level, dedupe_key = said.get("level", "info"), said.get("dedupe_key", "")
    kinds.get(said["kind"])
    if level not in LEVELS:
        raise ValueError(f"a notice has no level {level!r}")
    if len(dedupe_key) > KEY_LIMIT:
        raise ValueError("the dedupe key of a notice is too long")
    title, body = (
        clean_text(mask_text(said["title"]), TITLE_LIMIT),
        clean_text(mask_text(said.get("body", "")), BODY_LIMIT),
    )
    notice = NewNotice(said["kind"], title, body, check_link(said["link"]), level, dedupe_key)
    if wanted := frozenset(people):
        _store().leave(people=wanted, notice=notice, moment=now or clock_now())


def leave_for_permission(
    permission: str, *, besides: UUID | None = None, now: datetime | None = None, **said: Unpack[NoticeWords]
) -> None:
    """Leave a notice, as `leave` does, for all who hold a permission; `besides` only if nobody else does."""
    holders = frozenset(_store().people_holding(permission))
    leave(people=holders - {besides} or holders, now=now, **said)


def settle(*, people: Iterable[UUID], kind: str, link: str, now: datetime | None = None) -> None:
    """Mark as seen these people's notices of a kind and link, which need nobody any more.

    For the system, in the tenant's scope and the caller's transaction. Safe to repeat. Not audited.
    """
    if wanted := frozenset(people):
        _store().settle(people=wanted, kind=kind, link=link, moment=now or clock_now())


def check_link(link: str) -> str:
    """Return a link that is "" or a path of our own site; raises ValueError."""
    if not link:
        return ""
    is_plain = link.isascii() and link.isprintable() and " " not in link and len(link) <= LINK_LIMIT
    # "/\evil.example" is a path to some browsers and a host to others.
    if not is_plain or not link.startswith("/") or not url_has_allowed_host_and_scheme(link, allowed_hosts=None):
        raise ValueError("a notice links to a path of our own site")
    return link


def label_of(kind: str) -> tuple[str, str]:
    """Return the label and icon of a kind, by its key if its app is gone."""
    if kind not in kinds.keys():  # noqa: SIM118  (no dict)
        return kind.replace("_", " ").capitalize(), NoticeKind.icon
    found = kinds.get(kind)
    return found.label, found.icon


def _store() -> NoticeStore:
    if not _stores:
        raise RuntimeError("no app stores notices")
    return _stores[0]
