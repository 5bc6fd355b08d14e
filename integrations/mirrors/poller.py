"""Read the ad campaigns of connections into their mirrors: in the background, one worker a connection at a time.

A page and the position of the next one are committed together, so that a worker that takes over goes on there.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from core.clock import now as clock_now
from core.reliability import lease
from core.tenancy.scope import platform_scope, tenant_scope
from hitl.actions.targets import tell_of_changes
from integrations import platforms
from integrations.calls.answers import CleanFailure, Ok, Unknown
from integrations.calls.operations import Line
from integrations.calls.runner import NO_TIME, QUOTA_SPENT
from integrations.mirrors.services import AD_CAMPAIGNS
from integrations.models import MirroredAdCampaign, ProviderAccount, SyncCursor
from integrations.ports import AD_CAMPAIGN, UNKNOWN_BUDGET, AdCampaignRow, Mirror, MirrorPage
from integrations.sync.services import EVERY, LEASE, LeaseLost, fail, live_accounts, read_due

SECONDS: Final = 30.0
LOG_DELAY: Final = timedelta(minutes=15)
"""So long a change is looked for in the vendor's change log, which may be late."""
SKEW: Final = timedelta(seconds=30)
"""How far the vendor's clock may be behind ours."""
MOST_LOOKS: Final = 5
"""Ad campaigns of a page whose last change is looked for in one reading; the next reading looks for others."""
MOST_PAGES: Final = 100
BATCH: Final = 100
LOGGED: Final = ("status", "daily_budget")
FACTS: Final = ("name", *LOGGED, "currency")


def poll_due() -> int:
    """Read the connections that are due, for as long as a sweep may take; return how many. For the sweep."""
    open_cursors()
    return read_due(AD_CAMPAIGNS, poll, readable, position={})


def open_cursors() -> None:
    """Make the cursors of connections that have none yet."""
    with platform_scope():
        rows = readable().exclude(cursors__stream=AD_CAMPAIGNS)
        found: list[tuple[UUID, UUID]] = list(rows.values_list("tenant_id", "pk")[:BATCH])
    for tenant_id, connection_id in found:
        with tenant_scope(tenant_id):
            SyncCursor.objects.get_or_create(connection_id=connection_id, stream=AD_CAMPAIGNS)


def readable() -> QuerySet[ProviderAccount]:
    """Return the connections whose ad campaigns can be read now; those of inactive organisations aren't."""
    return live_accounts().filter(provider__in=platforms.mirrored())


def poll(cursor: SyncCursor) -> None:
    """Read what a claimed cursor is for, from where the last worker has come to (outside calls)."""
    account = ProviderAccount.objects.get(pk=cursor.connection_id)
    connection = platforms.connection_of(account)
    if connection.platform.mirror is None:
        raise TypeError(f"{account.provider} has no mirror")
    with connection.open(Line(account, seconds=SECONDS, attempts=1, in_background=True)) as client:
        Reading(cursor, account, connection.platform.mirror, client).read()


@dataclass
class Reading:
    """One reading by a worker: some or all pages."""

    cursor: SyncCursor
    account: ProviderAccount
    mirror: Mirror
    client: Any
    changed: list[str] = field(default_factory=list)
    """The ad campaigns of the last page that have changed since the reading before."""

    def read(self) -> None:
        """Read page after page, until the last one or until there is no time or quota left (outside calls)."""
        position = dict(self.cursor.position)
        if position.get("account") != self.account.external_id:  # another ad account was chosen since
            position = {"account": self.account.external_id}
        pages = position.get("pages", 0)
        began = datetime.fromisoformat(position["began"]) if pages else clock_now()
        while pages < MOST_PAGES:
            answer = self.mirror.read_page(self.client, position)
            if not isinstance(answer, Ok):
                self._stop(answer, position)
                return
            page, pages = answer.value, pages + 1
            position = {**page.position, "account": self.account.external_id}
            if page.is_last:
                self._finish(page, position, began, is_only=pages == 1)
                return
            position |= {"began": began.isoformat(), "pages": pages}
            rows = self._compare(page)
            with transaction.atomic():
                keep(self.account, page, rows, began)
                if not lease.renew(self.cursor, LEASE, position=position, digest=""):
                    raise LeaseLost
                self._tell()
        fail(self.cursor, "endless_pages", position={})

    def _stop(self, answer: CleanFailure | Unknown, position: Mapping[str, Any]) -> None:
        """End a reading whose next page wasn't returned; one that has to wait goes on there."""
        can_go_on = isinstance(answer, CleanFailure) and answer.retry
        seconds = answer.retry_after if isinstance(answer, CleanFailure) else None
        if answer.code == QUOTA_SPENT or (answer.code == NO_TIME.code and position.get("pages")):
            lease.release(self.cursor, until=clock_now() + timedelta(seconds=seconds or 0.0), position=position)
        else:  # a position that the vendor refuses may have ended
            fail(self.cursor, answer.code, seconds=seconds, position=position if can_go_on else {})

    def _finish(self, page: MirrorPage, position: Mapping[str, Any], began: datetime, *, is_only: bool) -> None:
        """Keep the last page, and mark what the vendor didn't return; where nothing has changed nothing is compared."""
        moment = clock_now()
        ended: dict[str, Any] = {"position": position, "last_success_at": moment, "failures": 0, "last_error": ""}
        digest = digest_of(self.account, page.rows) if is_only else ""
        if digest and digest == self.cursor.digest:
            lease.release(self.cursor, until=moment + EVERY, **ended)
            return
        rows = self._compare(page)
        if any(is_unexplained(row, moment) for row in rows):
            digest = ""
        with transaction.atomic():
            keep(self.account, page, rows, began)
            missing = MirroredAdCampaign.objects.filter(connection=self.account, gone_at=None, seen_at__lt=began)
            missing.update(gone_at=moment)
            if not lease.release(self.cursor, until=moment + EVERY, digest=digest, **ended):
                raise LeaseLost
            self._tell()

    def _tell(self) -> None:
        """Tell the open requests about what has changed, last in the transaction that keeps it."""
        kinds = platforms.kinds_for(self.account, AD_CAMPAIGN) if self.changed else []
        if kinds:
            tell_of_changes(kinds=kinds, target=AD_CAMPAIGN, references=self.changed)

    def _compare(self, page: MirrorPage) -> list[MirroredAdCampaign]:
        """Return the rows of a page that are new, changed or not explained yet (outside calls of the change log)."""
        moment = clock_now()
        rows = {row.key: row for row in page.rows}  # a list that moves while it is read names one twice
        known = {row.key: row for row in MirroredAdCampaign.objects.filter(connection=self.account, key__in=rows)}
        found, waiting, self.changed = [], [], []
        for row in rows.values():
            kept = known.get(row.key)
            if kept is None:
                found.append(new_row(self.account, row, moment))
                continue
            since = (kept.changed_at or moment) - LOG_DELAY
            changed = [fact for fact in FACTS if has_changed(fact, kept, row)]
            is_written = kept.gone_at is not None or any(getattr(kept, fact) != getattr(row, fact) for fact in FACTS)
            for fact in FACTS:
                setattr(kept, fact, getattr(row, fact))
            if changed:
                since = max(kept.seen_at, self.cursor.last_success_at or kept.seen_at) - SKEW
                kept.changed, kept.changed_at, kept.changed_by, kept.is_ours = changed, moment, "", False
                self.changed.append(row.key)
            kept.gone_at = None
            if is_unexplained(kept, moment):
                waiting.append((kept, row, since))
            if is_written or is_unexplained(kept, moment):
                found.append(kept)
        # Any of them: those that the log never explains keep none of the others from being looked for.
        for look in random.sample(waiting, min(len(waiting), MOST_LOOKS)):
            self._explain(*look)
        return found

    def _explain(self, kept: MirroredAdCampaign, row: AdCampaignRow, since: datetime) -> None:
        """Say of a change who made it and when, if the change log shows it already (outside calls)."""
        last = self.mirror.find_change(self.client, row, [fact for fact in kept.changed if fact in LOGGED], since)
        if last is not None:
            kept.changed_at, kept.changed_by, kept.is_ours = last.at, last.by[:120], last.is_ours


def has_changed(fact: str, kept: MirroredAdCampaign, row: AdCampaignRow) -> bool:
    """Return True if a fact has another value now; a budget that is or was unknown has none to compare."""
    old, new = getattr(kept, fact), getattr(row, fact)
    return old != new and (fact != "daily_budget" or UNKNOWN_BUDGET not in (old, new))


def is_unexplained(row: MirroredAdCampaign, moment: datetime) -> bool:
    """Return True for a change of which the vendor's change log may still say who made it."""
    if row.changed_at is None or row.changed_by or row.is_ours or moment - row.changed_at > LOG_DELAY:
        return False
    return any(fact in LOGGED for fact in row.changed)


def new_row(account: ProviderAccount, row: AdCampaignRow, moment: datetime) -> MirroredAdCampaign:
    """Return the mirror of an ad campaign that was never seen before."""
    values = {fact: getattr(row, fact) for fact in FACTS}
    return MirroredAdCampaign(connection=account, key=row.key, seen_at=moment, **values)


def keep(account: ProviderAccount, page: MirrorPage, rows: Sequence[MirroredAdCampaign], began: datetime) -> None:
    """Write the rows of a page that differ, and that all of its ad campaigns were seen; within a transaction."""
    columns = [*FACTS, "changed", "changed_at", "changed_by", "is_ours", "gone_at"]
    MirroredAdCampaign.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["tenant_id", "connection", "key"], update_fields=columns
    )
    seen = MirroredAdCampaign.objects.filter(connection=account, key__in=[row.key for row in page.rows])
    seen.update(seen_at=began)


def digest_of(account: ProviderAccount, rows: Sequence[AdCampaignRow]) -> str:
    """Return a digest of what a reading returned."""
    told = repr((account.external_id, [astuple(row)[:-1] for row in rows]))
    return hashlib.sha256(told.encode()).hexdigest()
