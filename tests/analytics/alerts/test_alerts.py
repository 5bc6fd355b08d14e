"""Alert rules: states, one message per change, damped, quiet, broken ones never fire; PagerDuty's incidents."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from accounts.models import Notice
from analytics.alerts import evaluate, messages, ready_made, rules, trials
from analytics.alerts.rules import RuleSettings
from analytics.models import Alert, AlertMessage, AlertRule, AlertSettings
from conversations.models import Contact
from core import clock
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.observability import facts
from core.observability.facts import Fact
from core.tenancy.scope import tenant_scope
from integrations.models import MailDelivery
from tests.api.office import Office
from tests.console.approvals.test_evidence import signed_in
from tests.world import World

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def level(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A fact whose number the test sets."""
    kept: dict[str, Any] = {"value": 0, "measured": 0}

    def measure() -> Any:
        kept["measured"] += 1
        return kept["value"]

    monkeypatch.setitem(facts._facts, "level", Fact("level", "Level", measure))
    return kept


def rule_of(world: World, **more: Any) -> AlertRule:
    given = {"name": "High", "condition": "level > 5", "ways": ["notice"], **more}
    AlertSettings.objects.get_or_create(defaults={"ready_made": ready_made.KEYS})
    return rules.create_rule(actor=world.actor("admin"), settings=RuleSettings(**given), now=MORNING)


def at(seconds: float, moment: datetime = MORNING) -> datetime:
    return moment + timedelta(seconds=seconds)


def send_all(moment: datetime) -> None:
    for _, message in messages.list_due(now=moment):
        with clock.at(moment):
            messages.send_message(message_id=message, now=moment)


def test_rule_waits_fires_once_and_says_when_it_is_over(acme: World, level: dict[str, Any]) -> None:
    rule = rule_of(acme, hold_seconds=60)
    states = []
    for seconds, value in ((0, 9), (30, 9), (61, 9), (90, 9), (120, 1), (150, 9)):
        level["value"] = value
        evaluate.evaluate(now=at(seconds))
        rule.refresh_from_db()
        states.append(rule.state)
    assert states == ["pending", "pending", "firing", "firing", "ok", "pending"]
    alert = Alert.objects.get()
    assert (alert.began_at, alert.ended_at, alert.facts) == (at(61), at(120), {"level": "9"})
    assert AlertMessage.objects.count() == 2
    send_all(at(62))  # the beginning isn't needed any more, nor its end
    assert set(AlertMessage.objects.values_list("state", flat=True)) == {"skipped", "queued"}
    send_all(at(121))
    assert not Notice.objects.filter(kind="analytics.alerts").exists()
    level["value"] = 9
    evaluate.evaluate(now=at(300))
    send_all(at(301))
    send_all(at(302))
    assert Notice.objects.filter(title="Alert: High", person=acme.people["admin"]).count() == 1


def test_two_workers_and_a_dead_one_say_it_once(acme: World, level: dict[str, Any]) -> None:
    rule = rule_of(acme)
    level["value"] = 9
    stale = AlertRule.objects.get(pk=rule.pk)
    evaluate.evaluate(now=MORNING)
    finding = evaluate.Finding(holds=True)  # type: ignore[attr-defined]
    assert evaluate._change(stale, evaluate.State.FIRING, finding, {}, MORNING) is False  # type: ignore[attr-defined]
    assert (Alert.objects.count(), AlertMessage.objects.count()) == (1, 1)
    message = AlertMessage.objects.get()
    # Its worker died right after the claim: another one takes it over at the end of the lease.
    AlertMessage.objects.filter(pk=message.pk).update(due_at=at(120), attempts=1)
    assert messages.send_message(message_id=message.pk, now=at(60)) is False
    assert messages.send_message(message_id=message.pk, now=at(121)) is True
    assert Notice.objects.filter(title="Alert: High").count() == len(messages.people_of(rule))


def test_rule_that_divides_by_nothing_or_names_nothing_is_broken_and_asks_a_person(
    acme: World, level: dict[str, Any]
) -> None:
    rule = rule_of(acme, condition="level > 5 or not level > 5")
    level["value"] = None
    evaluate.evaluate(now=MORNING)
    rule.refresh_from_db()
    assert (rule.state, "can't be measured" in rule.trouble, Alert.objects.count()) == ("broken", True, 0)
    assert Notice.objects.filter(title__contains="can't be evaluated").exists()
    AlertRule.objects.filter(pk=rule.pk).update(condition="gone > 1")
    evaluate.evaluate(now=at(30))
    rule.refresh_from_db()
    assert (rule.state, "is not a fact" in rule.trouble) == ("broken", True)
    for words, more in (
        ("condition", {"condition": "gone > 1"}),
        ("condition", {"condition": 'level > "5"'}),
        ("ways", {"ways": []}),
        ("runbook", {"runbook": "javascript:alert(1)"}),
        ("quiet_until", {"quiet_from": time(22)}),
        ("hold_seconds", {"hold_seconds": 999_999}),
    ):
        with pytest.raises(Invalid) as caught:
            rule_of(acme, **more)
        assert words in caught.value.facts["fields"]
    with pytest.raises(Refused):
        rules.create_rule(actor=acme.actor("support"), settings=RuleSettings("A", "level > 1"))
    with tenant_scope(acme.globex.pk), pytest.raises(NotFound):
        rules.delete_rule(actor=acme.outsider("owner"), alert_rule_id=rule.pk)


@pytest.mark.slow
def test_rule_that_fires_a_thousand_times_is_held_back_with_a_word(acme: World, level: dict[str, Any]) -> None:
    rule_of(acme)
    for number in range(100):
        level["value"] = 9 if number % 2 == 0 else 0
        evaluate.evaluate(now=at(number * 30))
        send_all(at(number * 30 + 1))
    begun = Notice.objects.filter(title="Alert: High", person=acme.people["admin"])
    assert begun.count() == evaluate.MOST_PER_HOUR
    assert begun.filter(body__contains="held back for an hour").count() == 1


def test_quiet_hours_wait_unless_it_is_critical(acme: World, level: dict[str, Any]) -> None:
    quiet = {"quiet_from": time(8), "quiet_until": time(11)}
    rule_of(acme, **quiet)
    rule_of(acme, name="Worse", severity="critical", **quiet)
    level["value"] = 9
    evaluate.evaluate(now=MORNING)
    due = dict(AlertMessage.objects.values_list("alert__rule__name", "due_at"))
    assert due == {"High": MORNING.replace(hour=11), "Worse": MORNING}


def test_silence_acknowledgement_and_deletion(acme: World, level: dict[str, Any]) -> None:
    rule, actor = rule_of(acme, ways=["mail"]), acme.actor("admin")
    level["value"] = 9
    evaluate.evaluate(now=MORNING)
    send_all(at(1))
    assert MailDelivery.objects.filter(type="alert").count() == len(messages.people_of(rule))
    alert = Alert.objects.get()
    rules.acknowledge_alert(actor=actor, alert_id=alert.pk, now=at(2))
    with pytest.raises(Conflict):
        rules.acknowledge_alert(actor=actor, alert_id=alert.pk, now=at(3))
    with pytest.raises(Conflict, match="firing"):
        rules.delete_rule(actor=actor, alert_rule_id=rule.pk)
    with pytest.raises(Invalid):
        rules.silence_rule(actor=actor, alert_rule_id=rule.pk, until=at(-5), now=MORNING)
    rules.silence_rule(actor=actor, alert_rule_id=rule.pk, until=at(3600), now=at(4))
    evaluate.evaluate(now=at(30))
    rule.refresh_from_db()
    assert (rule.state, Alert.objects.filter(ended_at=None).count()) == ("silenced", 0)
    evaluate.evaluate(now=at(3700))
    rule.refresh_from_db()
    assert rule.state == "firing"
    rules.revise_rule(
        actor=actor, alert_rule_id=rule.pk, settings=RuleSettings("High", "level > 5", is_on=False), seen_version=1
    )
    rules.delete_rule(actor=actor, alert_rule_id=rule.pk)
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"ALERT_RULE_CREATED", "ALERT_ACKNOWLEDGED", "ALERT_RULE_SILENCED", "ALERT_RULE_DELETED"} <= actions


class Pager(BaseHTTPRequestHandler):
    """Answers as the Events API does."""

    def do_POST(self) -> None:
        """Take an event."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server: Any = self.server
        server.events.append((self.path, body))
        self.send_response(server.answers.pop(0) if server.answers else 202)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def pager(settings: Any) -> Iterator[Any]:
    server: Any = HTTPServer(("127.0.0.1", 0), Pager)
    server.events, server.answers = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.PAGERDUTY_API_BASE = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_pagerduty_hears_of_one_incident_from_beginning_to_end(acme: World, level: dict[str, Any], pager: Any) -> None:
    key = "a" * 32
    with pytest.raises(Invalid):
        rules.set_destinations(actor=acme.actor("admin"), routing_key="short")
    rules.set_destinations(actor=acme.actor("admin"), routing_key=key)
    AlertSettings.objects.update(ready_made=ready_made.KEYS)
    rule_of(acme, ways=["pagerduty"], severity="critical", runbook="https://wiki.example/run")
    pager.answers = [500]
    level["value"] = 9
    evaluate.evaluate(now=MORNING)
    send_all(at(1))
    assert AlertMessage.objects.get().error == "status_500"
    send_all(at(30))
    alert = Alert.objects.get()
    rules.acknowledge_alert(actor=acme.actor("admin"), alert_id=alert.pk, now=at(40))
    send_all(at(41))
    level["value"] = 0
    evaluate.evaluate(now=at(60))
    send_all(at(61))
    bodies = [body for path, body in pager.events if path == "/v2/enqueue"]
    assert [body["event_action"] for body in bodies] == ["trigger", "trigger", "acknowledge", "resolve"]
    assert {(body["routing_key"], body["dedup_key"]) for body in bodies} == {(key, str(alert.pk))}
    payload = bodies[1]["payload"]
    assert (payload["severity"], payload["source"], payload["custom_details"]) == ("critical", "walker", {"level": "9"})
    assert key not in json.dumps(list(AuditEntry.objects.values_list("facts", flat=True)))


@pytest.mark.slow
def test_ready_made_rules_are_made_once_and_cost_a_query_for_each_fact(acme: World, level: dict[str, Any]) -> None:
    evaluate.evaluate(now=MORNING)
    assert AlertRule.objects.count() == len(ready_made.RULES)
    AlertRule.objects.filter(key="new_contacts").delete()
    evaluate.evaluate(now=at(30))
    assert not AlertRule.objects.filter(key="new_contacts").exists()
    assert set(AlertRule.objects.values_list("state", flat=True)) == {"ok"}
    for number in range(20):
        rule_of(acme, name=f"Rule {number}")
    level["measured"] = 0
    evaluate.evaluate(now=at(60))
    assert level["measured"] == 1


def test_rule_that_is_made_ready_later_is_given_once_and_none_that_was_deleted(acme: World) -> None:
    evaluate.evaluate(now=MORNING)
    AlertRule.objects.filter(key__in=("new_contacts", "crm_read_lag")).delete()
    given = [key for key in ready_made.KEYS if key != "crm_read_lag"]
    AlertSettings.objects.update(ready_made=given)  # as an older version had left it
    assert acme.acme.pk in evaluate.list_tenants()
    for seconds in (30, 60):
        evaluate.evaluate(now=at(seconds))
        assert set(AlertRule.objects.values_list("key", flat=True)) == {*ready_made.KEYS} - {"new_contacts"}
    AlertRule.objects.filter(key="crm_read_lag").delete()
    evaluate.evaluate(now=at(90))
    assert not AlertRule.objects.filter(key="crm_read_lag").exists()


def test_condition_is_tried_on_the_past_where_it_is_kept(acme: World) -> None:
    moment = now()
    for hours, count in ((1, 3), (30, 5), (60, 1)):
        made = [Contact(created_at=moment - timedelta(hours=hours)) for _ in range(count)]
        Contact.objects.bulk_create(made)
    found = trials.try_condition(actor=acme.actor("admin"), condition="new_contacts >= 3", days=7)
    assert (found.count, found.now.holds, found.values) == (2, False, {"new_contacts": Decimal(0)})
    unkept = trials.try_condition(actor=acme.actor("admin"), condition="failed_jobs > 3 and new_contacts > 1")
    assert (unkept.count, unkept.unknown) == (0, ["failed_jobs"])
    with pytest.raises(Invalid):
        trials.try_condition(actor=acme.actor("admin"), condition="drop table")


@pytest.mark.slow
def test_pages_and_api_of_rules(acme: World, level: dict[str, Any]) -> None:
    AlertSettings.objects.create(ready_made=ready_made.KEYS)
    client, pages = signed_in(acme.people["admin"]), "/admin/analytics/alertrule/"
    form = {"name": "High", "condition": "level > 5", "hold_seconds": "0", "severity": "warning", "ways": ["notice"]}
    wrong = client.post(f"{pages}create/", {**form, "condition": "gone > 5"})
    assert (wrong.status_code, "is not a fact" in wrong.content.decode()) == (400, True)
    assert client.post(f"{pages}create/", {**form, "is_on": "on"}).status_code == 302
    rule = AlertRule.objects.get()
    level["value"] = 9
    evaluate.evaluate(now=now())
    page = f"{pages}{rule.pk}/"
    for path in (pages, page, f"{pages}create/", f"{page}edit/", f"{page}silence/", f"{pages}destinations/"):
        assert client.get(path).status_code == 200
    assert "Firing" in client.get(page).content.decode()
    assert "no history is kept of" in client.get(page).content.decode()
    assert client.post(f"{page}acknowledge/").status_code == 302
    assert client.post(f"{page}silence/", {"hours": "2"}).status_code == 302
    assert signed_in(acme.people["viewer"]).get(pages).status_code == 403
    assert signed_in(acme.outsiders["owner"]).get(page).status_code == 404
    caller = Office(acme).caller("admin")
    made = caller.post("alert-rules/", {"name": "Low", "condition": "level < 1", "ways": ["mail"]})
    assert made.status_code == 201
    path = f"alert-rules/{made.json()['id']}/"
    assert caller.post(f"{path}try/", {}).json()["unknown"] == ["level"]
    assert caller.post(f"{path}silence/", {"until": "2020-01-01T00:00:00Z"}).status_code == 400
    assert caller.get(f"alert-rules/{rule.pk}/alerts/").json()[0]["facts"] == {"level": "9"}
    assert caller.post("alert-rules/", {"name": "x", "condition": "1 <", "ways": ["mail"]}).status_code == 400
    assert Office(acme).caller("viewer").get(path).status_code == 403
