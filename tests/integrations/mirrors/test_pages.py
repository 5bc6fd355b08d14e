"""The connection's page shows what was read last, without any outside call, and pauses the updates."""

import html

import pytest

from core.errors import Conflict, NotFound, Refused
from core.ids import uuid7
from core.models import AuditEntry
from integrations.mirrors import services
from integrations.mirrors.selectors import find_mirror
from integrations.models import ProviderAccount, SyncCursor
from tests.edge.ads_fixture import MetaAds
from tests.integrations.connections.test_connection_pages import LIST, sign_in
from tests.integrations.meta_ads import conftest as at_meta
from tests.integrations.meta_ads.conftest import meta, meta_ads, meta_ads_process
from tests.integrations.mirrors.test_poller import Wire, poll, wire
from tests.world import World

__all__ = ["meta", "meta_ads", "meta_ads_process", "wire"]
pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_page_shows_the_mirror_and_how_its_updates_go_without_a_call(acme: World, meta: MetaAds, wire: Wire) -> None:
    account = at_meta.connect_meta(meta)
    owner, one = sign_in(acme.people["owner"]), f"{LIST}{account.pk}/"

    def page() -> str:
        wire.sent.clear()
        answer = owner.get(one)
        assert (answer.status_code, wire.sent) == (200, [])
        return " ".join(html.unescape(answer.content.decode()).split())

    assert "Not read yet." in page()
    poll()
    wanted = {"id": at_meta.SUMMER, "field": "daily_budget", "value": "71200", "by": "<b>Mia</b>"}
    meta.control("change", wanted)
    poll(minutes=6)
    shown = page()
    parts = ("Summer Sale", "712.00 EUR", "Daily budget,", "<b>Mia</b>", "Retargeting", "150.00 EUR", "Paused", "Read ")
    assert [part for part in parts if part not in shown] == []
    assert "<b>Mia</b>" not in owner.get(one).content.decode()
    SyncCursor.objects.update(failures=2, last_error="timed_out")
    assert "2 updates failed. The system took too long to answer." in page()

    def press(path: str) -> str:
        answer = owner.post(f"{one}{path}/", follow=True)
        return html.unescape(answer.content.decode())

    assert "Updates are paused." in press("pause-updates")
    assert "Updates were paused" in page()
    assert poll(minutes=20) == 0
    assert "Walker reads the ad campaigns again." in press("resume-updates")
    assert poll(minutes=20) == 1
    actions = AuditEntry.objects.filter(action__startswith="CONNECTION_UPDATES").order_by("seq")
    assert list(actions.values_list("action", "new_state")) == [
        ("CONNECTION_UPDATES_PAUSED", "paused"),
        ("CONNECTION_UPDATES_RESUMED", "active"),
    ]


def test_who_may_not_manage_connections_pauses_no_updates(acme: World, meta: MetaAds) -> None:
    account = at_meta.connect_meta(meta)
    reader, admin = acme.actor("compliance"), acme.actor("admin")
    with pytest.raises(Refused):
        services.pause_updates(actor=reader, connection_id=account.pk)
    with pytest.raises(NotFound):
        services.pause_updates(actor=admin, connection_id=uuid7())
    with pytest.raises(Conflict, match="aren't paused"):
        services.resume_updates(actor=admin, connection_id=account.pk)
    services.pause_updates(actor=admin, connection_id=account.pk)
    with pytest.raises(Conflict, match="paused already"):
        services.pause_updates(actor=admin, connection_id=account.pk)
    found = find_mirror(viewer=reader, connection=account)
    assert found is not None
    assert found.cursor is not None
    with pytest.raises(Refused):
        find_mirror(viewer=acme.actor("support"), connection=account)
    shop = ProviderAccount.objects.create(provider="sandbox_ads", name="Shop", credentials={"token": "t"})
    assert find_mirror(viewer=reader, connection=shop) is None
    with pytest.raises(Conflict, match="doesn't keep ad campaigns"):
        services.pause_updates(actor=admin, connection_id=shop.pk)
