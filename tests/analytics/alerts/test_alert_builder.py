"""An alert's condition is chosen as rows of fact, comparison and value, beside what it would have found last week."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analytics.admin.alert_conditions import choices_of_facts, figures, rows_of_condition, vocabulary
from analytics.alerts import ready_made
from analytics.alerts.questions import question_of
from analytics.figures import rows
from analytics.figures.counts import Fact, spread
from analytics.models import AlertRule, AlertSettings
from console.conditions.rows import rows_of, text_of
from conversations.models import Team
from core.clock import now
from core.expressions import calls_in, parse
from tests.console.conftest import Browser
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PAGES = "/admin/analytics/alertrule/"
FORM = {"name": "Slow", "hold_seconds": "0", "severity": "warning", "ways": ["notice"], "is_on": "on"}
SLOW = 'p95("first_answer_person", 2, "team", "Front desk") > 900'


def chosen(*comparisons: tuple[str, str, str, str, str], join: str = "and") -> dict[str, Any]:
    """Return what the form sends for rows of fact, comparison, value, hours and of what."""
    sent: dict[str, Any] = {**FORM, "condition_by": "rows", "condition_join": join, "condition": "not read"}
    sent |= {"facts-TOTAL_FORMS": str(len(comparisons)), "facts-INITIAL_FORMS": "0"}
    for number, parts in enumerate(comparisons):
        names = (f"facts-{number}-{name}" for name in ("fact", "sign", "value", "hours", "only"))
        sent |= dict(zip(names, parts, strict=True))
    return sent


def test_rows_make_a_condition_and_are_shown_again(browser: Browser, acme: World) -> None:
    Team.objects.create(name="Front desk")
    AlertSettings.objects.create(ready_made=ready_made.KEYS)
    client = browser("admin")
    slow = ("p95:first_answer_person", ">", "900", "2", "team:Front desk")
    failing = ("percent:model_failures:model_calls", ">=", "5", "", "")
    made = client.post(f"{PAGES}create/", chosen(slow, failing, ("failed_jobs", "<", "10", "", ""), join="or"))
    assert made.status_code == 302, made.content.decode()
    rule = AlertRule.objects.get()
    assert rule.condition == f'{SLOW} or percent("model_failures", "model_calls", 1) >= 5 or failed_jobs < 10'
    page = client.get(f"{PAGES}{rule.pk}/edit/").content.decode()
    for selected in (
        'value="p95:first_answer_person" selected', 'value="team:Front desk" selected', 'value="or" selected',
        'value="failed_jobs" selected', 'name="facts-0-hours" value="2"',
    ):  # fmt: skip
        assert selected in page, selected
    text = 'events("conversation_opened", 10) > 5 and (failed_jobs > 1 or breakers_open > 0)'
    sent = {**FORM, "name": "Text", "condition_by": "text", "condition": text, "version": str(rule.version)}
    assert client.post(f"{PAGES}{rule.pk}/edit/", sent).status_code == 302
    rule.refresh_from_db()
    assert (rule.condition, rows_of_condition(text)) == (text, None)
    assert re.search(r'value="text"[^>]*checked', client.get(f"{PAGES}{rule.pk}/edit/").content.decode())


def test_rows_that_say_nothing_are_refused_at_their_field(browser: Browser, acme: World) -> None:
    client = browser("admin")
    for row, said in (
        (("p95:first_answer_person", ">", "soon", "1", ""), "Enter a number"),
        (("total:conversations_closed", ">", "5", "1", "agent:Nobody"), "Select a valid choice"),
        (("total:conversations_closed", ">", "5", "9999", ""), "less than or equal to"),
        (("", ">", "5", "1", ""), "This field is required"), (("gone", ">", "5", "1", ""), "Select a valid choice"),
    ):  # fmt: skip
        answer = client.post(f"{PAGES}create/", chosen(row))
        assert (answer.status_code, said in answer.content.decode()) == (400, True), row
    empty = client.post(f"{PAGES}create/", chosen())
    assert (empty.status_code, AlertRule.objects.exists()) == (400, False)
    added = client.post(f"{PAGES}create/", {**chosen(), "add_row": "facts"})
    assert (added.status_code, 'name="facts-0-fact"' in added.content.decode()) == (200, True)


def test_last_week_is_told_while_the_form_is_filled_in(browser: Browser, acme: World) -> None:
    moment = now()
    waits = [Fact("first_answer_person", moment - timedelta(days=2), {}, 1200)]
    rows.add(*spread(waits, ZoneInfo("UTC")))
    admin = browser("admin")
    slow = chosen(("p95:first_answer_person", ">", "900", "1", ""))
    for sent, said in (
        (slow, "In the last 7 days it was met 1 time, last: "),
        (chosen(("p95:first_answer_person", ">", "9000", "1", "")), "In the last 7 days it was never met."),
        (chosen(("failed_jobs", ">", "3", "", "")), "no history is kept of Failed jobs"),
        (chosen(("failed_jobs", ">", "", "", "")), "appears here"),
        ({**FORM, "condition": "failed_jobs >"}, "ends too early"),
    ):  # fmt: skip
        answer = admin.post(f"{PAGES}trial/", sent)
        assert (answer.status_code, said in answer.content.decode()) == (200, True), (sent, answer.content.decode())
    assert "it was met 1 time" in admin.post(f"{PAGES}create/", {**slow, "add_row": ""}).content.decode()
    assert browser("support").post(f"{PAGES}trial/", slow).status_code == 403
    assert not AlertRule.objects.exists()


def test_every_fact_that_rows_offer_is_a_question_that_figures_answer(acme: World) -> None:
    offered = {key for _, key, _ in figures()}
    assert offered <= {key for _, those in choices_of_facts() for key, _ in those}
    for key in offered:
        name, *metrics = key.split(":")
        text = f"{name}({', '.join(f'{chr(34)}{metric}{chr(34)}' for metric in metrics)}, 3) > 1"
        (call,) = calls_in(parse(text, vocabulary()))
        question_of(call)
        found = rows_of(text, vocabulary())
        assert found is not None
        assert text_of(*found, vocabulary()) == text
        assert rows_of_condition(text) == ("and", [{"fact": key, "sign": ">", "value": "1", "hours": 3, "only": ""}])
