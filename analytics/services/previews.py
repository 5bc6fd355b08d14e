"""Previews of one's own brief: cached for minutes, never made twice at the same time."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.cache import cache

from analytics.brief.compose import compose
from analytics.models import BriefPreference
from analytics.selectors import locale_of, own_preference, person_of
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import TooMany
from core.privacy.encryption import open_text, seal_text
from core.tenancy.scope import current_tenant_id

KEPT: Final = timedelta(minutes=10)
PAUSE: Final = timedelta(minutes=1)
PATIENCE: Final = 4.0
"""Seconds that a preview waits for each agent."""
WORDS_WITHIN: Final = 8.0
"""Seconds that a preview waits for the summary; after that the built-in rules write it."""
BUSY_SECONDS: Final = 30
_PURPOSE: Final = "brief-preview"


@dataclass(frozen=True, slots=True)
class Preview:
    """The content of a brief that is not sent, and when it was made."""

    content: dict[str, Any]
    made_at: datetime


def preview_brief(*, viewer: Actor, now: datetime | None = None) -> Preview:
    """Return the viewer's brief as of now, or at most ten minutes old; sends nothing.

    Needs `analytics.use_brief`. Raises `TooMany` while it is already being made. Calls outside services, so
    call it outside a transaction.
    """
    moment, wish = now or clock_now(), own_preference(viewer=viewer)
    key = _cache_key(viewer, wish, moment)
    cached = _read(key)
    if cached is not None:
        return cached
    if not cache.add(f"{key}:busy", 1, timeout=BUSY_SECONDS):
        raise TooMany("Your preview is being prepared. Try again in a moment.")
    try:
        locale = locale_of(wish)
        day = moment.astimezone(locale.zone).date()
        content = compose(
            viewer=viewer, sections=wish.sections, language=locale.language, day=day, now=moment, seconds=PATIENCE,
            words_within=WORDS_WITHIN,
        )  # fmt: skip
        text = json.dumps({"at": moment.isoformat(), "content": content})
        cache.set(key, seal_text(text, purpose=_PURPOSE), timeout=int(KEPT.total_seconds()))
    finally:
        cache.delete(f"{key}:busy")
    return Preview(content, moment)


def find_preview(*, viewer: Actor, now: datetime | None = None) -> Preview | None:
    """Return the cached preview, or None if `preview_brief` would have to make one."""
    return _read(_cache_key(viewer, own_preference(viewer=viewer), now or clock_now()))


def discard_preview(*, viewer: Actor, now: datetime | None = None) -> None:
    """Discard the viewer's preview, at most once a minute; the next one is new.

    Needs `analytics.use_brief`; raises `TooMany`.
    """
    moment = now or clock_now()
    key = _cache_key(viewer, own_preference(viewer=viewer), moment)
    cached = _read(key)
    if cached is not None and moment - cached.made_at < PAUSE:
        raise TooMany("The preview is less than a minute old. Try again in a moment.")
    cache.delete(key)


def _cache_key(viewer: Actor, preference: BriefPreference, moment: datetime) -> str:
    """Return the cache key, which depends on preference, permissions, teams and date."""
    locale = locale_of(preference)
    day = moment.astimezone(locale.zone).date().isoformat()
    rights = [viewer.role, *sorted(viewer.permissions)]
    teams = None if viewer.teams is None else sorted(map(str, viewer.teams))
    parts = json.dumps([preference.sections, locale.language, day, rights, teams])
    digest = hashlib.sha256(parts.encode()).hexdigest()[:16]
    return f"{current_tenant_id()}:brief-preview:{person_of(viewer)}:{digest}"


def _read(key: str) -> Preview | None:
    sealed = cache.get(key)
    if sealed is None:
        return None
    stored = json.loads(open_text(sealed, purpose=_PURPOSE))
    return Preview(stored["content"], datetime.fromisoformat(stored["at"]))
