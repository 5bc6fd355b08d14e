"""Ad campaigns are read into a mirror: by one worker a connection, in few statements, and with who changed what."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from accounts.models import Tenant
from core import clock
from core.http import OutgoingHttp
from core.tenancy.scope import tenant_scope
from integrations.admin.connections import budget_of
from integrations.ads.targets import facts_now
from integrations.calls.runner import take_background_call
from integrations.mirrors import poller
from integrations.mirrors.services import AD_CAMPAIGNS
from integrations.models import MirroredAdCampaign, ProviderAccount, SyncCursor
from integrations.ports import UNKNOWN_BUDGET
from integrations.sync import services as sync
from integrations.sync.services import claim_due
from standins.meta.ads.seed import account_id, ad_set_id, campaign_id
from tests.edge.ads_fixture import AdsPlatform, MetaAds
from tests.hitl.machine.test_races import at_once
from tests.integrations.google_ads import conftest as at_google
from tests.integrations.google_ads.conftest import google, google_ads, google_ads_process
from tests.integrations.meta_ads import conftest as at_meta
from tests.integrations.meta_ads.conftest import later, meta, meta_ads, meta_ads_process
from tests.world import World

__all__ = ["google", "google_ads", "google_ads_process", "meta", "meta_ads", "meta_ads_process"]
pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The worker's process ends here."""


def kill() -> None:
    raise Killed


@dataclass
class Wire:
    """The calls that the product makes; `before` does something before the call of a number, counted from 0."""

    sent: list[str] = field(default_factory=list)
    before: dict[int, Callable[[], object]] = field(default_factory=dict)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Every call, in order."""
    found, send = Wire(), OutgoingHttp.request

    def noted(self: OutgoingHttp, method: str, path: str, **more: Any) -> Any:
        before = found.before.pop(len(found.sent), None)
        found.sent.append(path)
        if before is not None:
            before()
        return send(self, method, path, **more)

    monkeypatch.setattr(OutgoingHttp, "request", noted)
    return found


@dataclass
class There:
    """A platform with an organisation that is connected, and a daily budget of theirs that stands alone."""

    platform: AdsPlatform
    account: ProviderAccount
    place: str
    first_calls: int
    """How many calls come before the first page."""
    name: str
    target: str
    field: str
    unit: int

    def change(self, object_id: str, field: str, value: str) -> None:
        """Change a value on the platform, as somebody else."""
        self.platform.control("change", {"id": object_id, "field": field, "value": value, "by": "Mia Chen"})

    def set_budget(self, amount: int) -> None:
        self.change(self.target, self.field, str(amount * self.unit))


def poll(minutes: float = 0) -> int:
    """Read what is due after so many minutes."""
    with later(minutes=minutes):
        return poller.poll_due()


def row_of(name: str) -> MirroredAdCampaign:
    found: MirroredAdCampaign = MirroredAdCampaign.objects.get(name=name)
    return found


def cursor_of() -> SyncCursor:
    found: SyncCursor = SyncCursor.objects.get()
    return found


@pytest.fixture(params=["meta", "google"])
def there(request: pytest.FixtureRequest, acme: World) -> There:
    """The first tenant's scope, connected with each platform."""
    platform: Any = request.getfixturevalue(request.param)
    if request.param == "meta":
        account = at_meta.connect_meta(platform)
        place = f"GET /v26.0/{account.external_id}/campaigns"
        return There(platform, account, place, 1, "Summer Sale", at_meta.SUMMER, "daily_budget", 100)
    account = at_google.connect_google(platform)
    place, brand = at_google.SEARCHES, at_google.BRAND
    return There(platform, account, place, 0, "Brand Search", brand, "amount_micros", 1_000_000)


def test_mirror_tells_who_changed_an_ad_campaign(there: There) -> None:
    assert poll() == 1
    first = row_of(there.name)
    assert (first.status, first.currency, first.changed_at, first.gone_at) == ("active", "EUR", None, None)
    there.set_budget(712)
    assert (poll(), poll(minutes=6)) == (0, 1)  # not before it is due
    row = row_of(there.name)
    assert (row.daily_budget, row.changed, row.changed_by, row.is_ours) == (
        "712.00", ["daily_budget"], "Mia Chen", False,
    )  # fmt: skip
    assert row.changed_at is not None
    assert abs(row.changed_at - clock.now()) < timedelta(minutes=1)
    assert MirroredAdCampaign.objects.exclude(pk=row.pk).filter(changed_at__isnull=False).exists() is False


def test_change_that_the_log_shows_late_is_explained_then(there: There) -> None:
    poll()
    there.platform.control("behave", {"log_delay": 600})
    there.set_budget(712)
    poll(minutes=6)
    assert (row_of(there.name).changed, row_of(there.name).changed_by) == (["daily_budget"], "")
    there.platform.control("behave", {"log_delay": 0})
    poll(minutes=12)
    assert row_of(there.name).changed_by == "Mia Chen"


def test_idle_poll_is_one_call_and_four_statements(there: There, wire: Wire) -> None:
    poll()
    wire.sent.clear()
    with later(minutes=6):
        with CaptureQueriesContext(database) as made:
            cursor = claim_due(AD_CAMPAIGNS, poller.readable)
            assert cursor is not None
            poller.poll(cursor)
        assert claim_due(AD_CAMPAIGNS, poller.readable) is None
    assert len(wire.sent) == 1
    assert len(made) <= 4, [query["sql"] for query in made]


def test_pages_are_kept_one_by_one_and_a_reading_goes_on_after_a_kill(there: There, wire: Wire) -> None:
    there.platform.control("behave", {"page_size": 1})
    wire.before[there.first_calls + 2] = kill
    with pytest.raises(Killed):
        poll()
    cursor = cursor_of()
    assert (cursor.position["pages"], MirroredAdCampaign.objects.count(), cursor.last_success_at) == (2, 2, None)
    # Its lease counts until it ends.
    assert poll() == 0
    wire.sent.clear()
    assert poll(minutes=3) == 1
    cursor = cursor_of()
    assert (cursor.failures, cursor.fence, "pages" in cursor.position) == (0, 3, False)
    assert MirroredAdCampaign.objects.filter(gone_at=None).count() == len(wire.sent) + 2
    assert cursor.last_success_at is not None


@pytest.mark.parametrize("status", [400, 410])
def test_page_token_that_has_ended_begins_with_the_first_page(there: There, wire: Wire, status: int) -> None:
    poll()
    count = MirroredAdCampaign.objects.count()
    there.platform.control("behave", {"page_size": 1})
    wire.before[len(wire.sent) + 1] = kill  # between two pages
    with pytest.raises(Killed):
        poll(minutes=6)
    assert cursor_of().position["pages"] == 1
    there.set_budget(712)
    there.platform.script(there.place, "fail", status=status)
    assert poll(minutes=9) == 1
    cursor = cursor_of()
    assert (cursor.failures, cursor.position) == (1, {})
    there.platform.control("behave", {"page_size": 100})
    assert poll(minutes=16) == 1
    assert (cursor_of().failures, row_of(there.name).daily_budget) == (0, "712.00")
    assert MirroredAdCampaign.objects.filter(gone_at=None).count() == count


def test_worker_that_lost_its_lease_writes_nothing(there: There, wire: Wire) -> None:
    poll()
    there.set_budget(712)

    def take_over() -> None:
        with later(minutes=9):
            assert claim_due(AD_CAMPAIGNS, poller.readable) is not None

    wire.before[0] = take_over
    wire.sent.clear()
    assert poll(minutes=6) == 1
    assert row_of(there.name).changed == []
    assert cursor_of().fence == 4


def test_failures_are_counted_and_tried_again_ever_later(there: There) -> None:
    poll()
    there.platform.script(there.place, "fail", status=503, times=2)
    assert poll(minutes=6) == 1
    with later(minutes=6):
        cursor = cursor_of()
        assert (cursor.failures, cursor.last_error != "") == (1, True)
        assert timedelta(minutes=4) < cursor.lease_until - clock.now() < timedelta(minutes=6)
    assert poll(minutes=12) == 1
    with later(minutes=12):
        assert timedelta(minutes=9) < cursor_of().lease_until - clock.now() < timedelta(minutes=11)
    assert poll(minutes=30) == 1
    assert (cursor_of().failures, cursor_of().last_error) == (0, "")


def test_background_reading_leaves_half_of_the_quota(there: There, wire: Wire) -> None:
    poll()
    wire.sent.clear()
    with later(minutes=6):
        while take_background_call(there.account, 10) is None:
            pass
        assert poller.poll_due() == 1
        cursor = cursor_of()
        assert (wire.sent, cursor.failures, cursor.lease_until > clock.now()) == ([], 0, True)
    assert poll(minutes=7) == 1
    assert len(wire.sent) == 1


def test_changes_beyond_those_that_one_reading_looks_for_are_explained_by_the_next(
    acme: World, meta: MetaAds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "MOST_LOOKS", 1)
    at_meta.connect_meta(meta)
    poll()
    names = ("Summer Sale", "Black Friday 2026", "Retargeting")
    for name in names:
        meta.control("change", {"id": campaign_id("Acme Shoes", name), "field": "status", "value": "PAUSED",
                                "by": "Mia Chen"})  # fmt: skip
    explained = []
    for minutes in (6, 12, 18):
        poll(minutes=minutes)
        explained.append([row.changed_by for row in MirroredAdCampaign.objects.all()].count("Mia Chen"))
    assert explained == [1, 2, 3]
    assert [row_of(name).status for name in names] == ["paused"] * 3


def test_sweep_begins_no_connection_after_its_time_and_none_of_an_inactive_organisation(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sync, "SWEEP_SECONDS", 0)
        assert poll() == 0
    Tenant.objects.update(is_active=False)
    assert poll() == 0
    Tenant.objects.update(is_active=True)
    assert poll() == 1


@pytest.mark.parametrize("column", ["paused_at", "expired_at"])
def test_connection_that_is_paused_or_expired_is_not_read(there: There, column: str) -> None:
    ProviderAccount.objects.update(**{column: clock.now()})
    assert poll() == 0
    assert not SyncCursor.objects.exists()


def test_ad_campaign_that_is_no_longer_returned_is_marked_and_not_deleted(acme: World, meta: MetaAds) -> None:
    account = at_meta.connect_meta(meta)
    poll()
    ProviderAccount.objects.update(external_id=f"act_{account_id('Acme Shoes Japan')}")
    poll(minutes=6)
    assert (row_of("Summer Sale").gone_at is None, row_of("Brand Japan").daily_budget) == (False, "30000")
    ProviderAccount.objects.update(external_id=account.external_id)
    poll(minutes=12)
    assert (row_of("Summer Sale").gone_at, row_of("Brand Japan").gone_at is None) == (None, False)


@pytest.mark.slow
def test_of_two_workers_one_reads_a_connection(committed_world: World, meta: MetaAds) -> None:
    with tenant_scope(committed_world.acme.pk):
        at_meta.connect_meta(meta)
        poller.open_cursors()
        assert at_once([poller.poll_due] * 4).count(1) == 1
        assert MirroredAdCampaign.objects.count() == 4


def test_ad_sets_hold_the_budget_at_meta(acme: World, meta: MetaAds) -> None:
    at_meta.connect_meta(meta)
    poll()
    assert [row_of(name).daily_budget for name in ("Retargeting", "Black Friday 2026")] == ["150.00", ""]
    meta.control("change", {"id": ad_set_id("Acme Shoes", "Retargeting", "Readers"), "field": "daily_budget",
                            "value": "7000", "by": "Mia Chen"})  # fmt: skip
    poll(minutes=6)
    row = row_of("Retargeting")
    assert (row.daily_budget, row.changed, row.changed_by) == ("160.00", ["daily_budget"], "Mia Chen")
    # More ad sets than one answer holds: nobody knows the sum, and nothing has changed.
    at, facts = row.changed_at, {"daily_budget": "160.00", "status": "active"}
    meta.control("behave", {"page_size": 1})
    poll(minutes=12)
    row = row_of("Retargeting")
    assert (row.daily_budget, row.changed_at, budget_of(row)) == (UNKNOWN_BUDGET, at, "Not known")
    assert facts_now(facts, row)["daily_budget"] == "160.00"
    meta.control("behave", {"page_size": 0})
    poll(minutes=18)
    assert (row_of("Retargeting").daily_budget, row_of("Retargeting").changed_at) == ("160.00", at)
