"""The page of a decision link: scanners change nothing, people decide, and nobody else learns anything."""

import logging.config
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from accounts.secret_pages import UNKNOWN_PER_MINUTE
from core.observability.logging import logging_config
from core.privacy.pii import mask_text
from hitl.decision_links import views
from hitl.execution.kill_switch_activation import activate_kill_switch
from hitl.models import Approval, Decision
from tests.hitl.decision_links.test_links import _decided, _delegated, _questioned, _signed_out, link_to
from tests.hitl.kit.scene import Scene, stored
from tests.security.rows import changed, snapshot

FORBIDDEN = ("no-store", "noindex", "no-referrer")


class Forms(HTMLParser):
    """What a scanner sees of a page: its fields with their values, and its links."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[dict[str, str | None]] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in ("input", "textarea", "button"):
            self.fields.append({"tag": tag, **found})
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))


def seen(page: Any) -> Forms:
    """Read a page as a program does."""
    found = Forms()
    found.feed(page.content.decode())
    return found


@pytest.fixture
def asked(scene: Scene) -> Approval:
    """A request that waits for an approver or an admin."""
    return scene.propose()


@pytest.fixture
def browser() -> Client:
    """A browser of nobody, with its check of forms."""
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


def path(secret: str) -> str:
    return f"/d/{secret}/"


def token_in(page: Any) -> dict[str, str]:
    """Return the check of a page's form, where it has one."""
    found = [str(field["value"]) for field in seen(page).fields if field.get("name") == "csrfmiddlewaretoken"]
    return {"csrfmiddlewaretoken": found[0] if found else ""}


def send(browser: Client, secret: str, approval: Approval, **fields: str) -> Any:
    """Open the page and fill it in as a person does, whose browser names no origin."""
    number = approval.reference.removeprefix("BR-")
    filled = {**token_in(browser.get(path(secret))), "verdict": "approve", "typed": number, **fields}
    return browser.post(path(secret), filled, headers={"origin": "null"})


@pytest.mark.slow
def test_person_decides_by_the_page(scene: Scene, asked: Approval, browser: Client) -> None:
    answer = send(browser, link_to(scene, asked), asked)
    assert (answer.status_code, stored(asked).state) == (200, "approved")
    assert f"You have approved {asked.reference}" in answer.content.decode()


@pytest.mark.slow
def test_who_approves_what_is_stopped_is_told_that_it_waits_and_no_more(
    scene: Scene, asked: Approval, browser: Client
) -> None:
    activate_kill_switch(actor=scene.actor("compliance"), scope="tenant", reason="Zebra leak")
    page = send(browser, link_to(scene, asked), asked).content.decode()
    assert "on hold and won&#x27;t be executed until it&#x27;s released." in page
    assert "Zebra" not in page


@pytest.mark.slow
def test_page_shows_what_would_happen_and_for_how_much(scene: Scene, asked: Approval, browser: Client) -> None:
    text = browser.get(path(link_to(scene, asked))).content.decode()
    for part in (asked.reference, "Press red for 5.00", f"{asked.risk_score} of 100", "5.00 EUR", "Support Acme"):
        assert part in text


def test_page_shows_no_personal_data_in_clear(scene: Scene, asked: Approval, browser: Client) -> None:
    rows = [{"label": "To", "before": "", "after": "ana.souza@customers.example"}]
    Approval.objects.filter(pk=asked.pk).update(preview={"headline": "Call +34 600 123 456 <b>", "rows": rows})
    text = browser.get(path(link_to(scene, asked))).content.decode()
    assert not [word for word in ("ana.souza", "600 123 456", "<b>") if word in text]
    assert mask_text("ana.souza@customers.example") in text


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "patch", "delete"])
def test_looking_writes_nothing(scene: Scene, asked: Approval, browser: Client, method: str) -> None:
    secret = link_to(scene, asked)
    before = snapshot()
    for visitor in (browser, Client()):
        assert getattr(visitor, method)(path(secret)).status_code < 500
    assert changed(before, snapshot()) == set()


FILLINGS = ("", "1", "test", "approve", "scanner@mail.example", "BR-1", "on", "BR")


@pytest.mark.slow
@pytest.mark.parametrize("filling", FILLINGS)
def test_scanner_that_sends_every_form_decides_nothing(
    scene: Scene, asked: Approval, browser: Client, filling: str
) -> None:
    secret = link_to(scene, asked)
    form, before = seen(browser.get(path(secret))), snapshot()
    radios = [str(field["value"]) for field in form.fields if field.get("type") == "radio"]
    assert not [field for field in form.fields if "checked" in field]
    for choice in [*radios, ""]:
        filled = {str(field["name"]): field.get("value") or filling for field in form.fields if field.get("name")}
        answer = browser.post(path(secret), {**filled, "verdict": choice}, headers={"origin": "null"})
        assert answer.status_code in (400, 429)
        assert "Nothing was decided." in answer.content.decode()
    assert changed(before, snapshot()) == set()


def test_number_stands_in_no_field_of_the_page(scene: Scene, asked: Approval, browser: Client) -> None:
    number = asked.reference.removeprefix("BR-")
    fields = seen(browser.get(path(link_to(scene, asked)))).fields
    assert not [field for field in fields if field.get("name") != "csrfmiddlewaretoken" and number in str(field)]


@pytest.mark.slow
def test_no_link_of_the_page_decides(scene: Scene, asked: Approval, browser: Client) -> None:
    secret = link_to(scene, asked)
    found = seen(browser.get(path(secret))).links
    for link in found:
        browser.get(link)
    assert found == [f"/admin/hitl/approval/{asked.pk}/"]
    assert not Decision.objects.exists()


def test_form_without_its_check_is_refused(scene: Scene, asked: Approval, browser: Client) -> None:
    secret, number = link_to(scene, asked), asked.reference.removeprefix("BR-")
    for origin in ("null", "https://evil.example"):
        filled = {"verdict": "approve", "typed": number}
        assert browser.post(path(secret), filled, headers={"origin": origin}).status_code == 403
    assert stored(asked).state == "pending"


def test_page_of_another_site_is_refused_with_every_check(scene: Scene, asked: Approval, browser: Client) -> None:
    secret = link_to(scene, asked)
    filled = {**token_in(browser.get(path(secret))), "verdict": "approve", "typed": asked.reference}
    assert browser.post(path(secret), filled, headers={"origin": "https://evil.example"}).status_code == 403


@pytest.mark.slow
def test_second_press_tells_who_decided(scene: Scene, asked: Approval, browser: Client) -> None:
    secret = link_to(scene, asked)
    filled = {**token_in(browser.get(path(secret))), "verdict": "approve", "typed": asked.reference}
    answers = [browser.post(path(secret), filled) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert "Approved by you" in answers[1].content.decode()
    assert Decision.objects.count() == 1


@pytest.mark.slow
def test_who_is_late_is_told_who_was_faster(scene: Scene, asked: Approval, browser: Client) -> None:
    secret = link_to(scene, asked)
    _decided(scene, asked)
    answer = browser.get(path(secret))
    assert (answer.status_code, "Approved by Admin Acme" in answer.content.decode()) == (409, True)


@pytest.mark.slow
def test_page_of_the_request_says_that_a_link_decided(scene: Scene, asked: Approval, browser: Client) -> None:
    send(browser, link_to(scene, asked), asked)
    page = Client()
    page.force_login(scene.world.people["viewer"], backend="accounts.backends.RoleBackend")
    text = page.get(f"/admin/hitl/approval/{asked.pk}/").content.decode()
    assert "by Approver Acme, through an approve-by-email link" in text


@pytest.mark.slow
def test_who_opens_it_while_a_question_is_open_is_told_so(scene: Scene, asked: Approval, browser: Client) -> None:
    secret = link_to(scene, asked)
    _questioned(scene, asked)
    text = browser.get(path(secret)).content.decode()
    assert f"{asked.reference} has an open question" in text
    assert "A question asked by Admin Acme" in text


@pytest.mark.slow
def test_who_gave_the_assignment_away_is_told_so(scene: Scene, asked: Approval, browser: Client) -> None:
    secret = link_to(scene, asked)
    _delegated(scene, asked)
    answer = browser.get(path(secret))
    assert (answer.status_code, "no longer an approver" in answer.content.decode()) == (410, True)


def test_who_has_left_learns_nothing(scene: Scene, asked: Approval, browser: Client) -> None:
    secret = link_to(scene, asked)
    _signed_out(scene, asked)
    for answer in (browser.get(path(secret)), send(browser, secret, asked)):
        text = answer.content.decode()
        assert answer.status_code in (403, 410)
        assert not [word for word in (asked.reference, "Press", str(asked.pk)) if word in text]


def test_colleague_who_is_signed_in_learns_nothing(scene: Scene, asked: Approval) -> None:
    visitor = Client()
    visitor.force_login(scene.world.people["admin"], backend="accounts.backends.RoleBackend")
    answer = visitor.get(path(link_to(scene, asked)))
    assert (answer.status_code, "Press" in answer.content.decode()) == (403, False)


def test_person_of_another_tenant_cannot_use_it(scene: Scene, asked: Approval) -> None:
    visitor = Client()
    visitor.force_login(scene.world.outsiders["owner"], backend="accounts.backends.RoleBackend")
    number = asked.reference.removeprefix("BR-")
    answer = visitor.post(path(link_to(scene, asked)), {"verdict": "approve", "typed": number})
    assert (answer.status_code, stored(asked).state) == (403, "pending")


def test_high_risk_leads_to_the_sign_in(scene: Scene, asked: Approval, browser: Client) -> None:
    secret = link_to(scene, asked)
    Approval.objects.filter(pk=asked.pk).update(risk_score=62, risk_level="high")
    page = browser.get(path(secret))
    console = f"/admin/hitl/approval/{asked.pk}/"
    assert seen(page).links == [console]
    assert "<form" not in page.content.decode()
    assert browser.get(console)["Location"] == f"/admin/login/?next={console}"


@pytest.mark.slow
def test_high_risk_is_not_decided_by_the_form(scene: Scene, asked: Approval, browser: Client) -> None:
    secret = link_to(scene, asked)
    filled = {**token_in(browser.get(path(secret))), "verdict": "approve", "typed": asked.reference}
    Approval.objects.filter(pk=asked.pk).update(risk_score=62, risk_level="high")
    assert browser.post(path(secret), filled).status_code == 403
    assert stored(asked).state == "pending"


def test_unknown_links_look_alike(scene: Scene, browser: Client) -> None:
    told = {browser.get(path(each)).content for each in ("x", "A" * 43, "B" * 500, "%00", "of-" + "0" * 32)}
    assert len(told) == 1
    assert browser.get(path("x")).status_code == 404


@pytest.mark.slow
def test_guessing_is_slowed_and_keeps_nobody_out(scene: Scene, asked: Approval, browser: Client) -> None:
    secret = link_to(scene, asked)
    statuses = [browser.get(path(f"guess-{number}")).status_code for number in range(UNKNOWN_PER_MINUTE + 5)]
    assert {404, 429} >= set(statuses[-5:]) >= {429}
    assert send(browser, secret, asked).status_code == 200


@pytest.mark.slow
def test_wrong_answers_tire_only_where_they_come_from(
    scene: Scene, asked: Approval, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "WRONG_PER_WINDOW", 2)
    secret = link_to(scene, asked)
    statuses = [send(browser, secret, asked, typed="1").status_code for _ in range(3)]
    assert statuses == [400, 400, 429]
    elsewhere = Client(enforce_csrf_checks=True, REMOTE_ADDR="198.51.100.7")
    assert send(elsewhere, secret, asked).status_code == 200


@pytest.mark.parametrize("what", ["page", "unknown", "refused form", "late"])
def test_every_answer_is_kept_by_nobody_and_tells_nobody(
    scene: Scene, asked: Approval, browser: Client, what: str
) -> None:
    secret = link_to(scene, asked)
    if what == "late":
        _decided(scene, asked)
    answer = (
        browser.post(path(secret))
        if what == "refused form"
        else browser.get(path(secret if what != "unknown" else "x"))
    )
    told = f"{answer['Cache-Control']} {answer['X-Robots-Tag']} {answer['Referrer-Policy']}"
    assert not [word for word in FORBIDDEN if word not in told]


@pytest.mark.slow
def test_no_page_holds_the_secret(scene: Scene, asked: Approval, browser: Client) -> None:
    secret = link_to(scene, asked)
    pages = [browser.get(path(secret)), send(browser, secret, asked, typed="1"), send(browser, secret, asked)]
    pages += [browser.get(path(secret)), browser.post(path(secret))]
    assert not [page.status_code for page in pages if secret in f"{page.headers}{page.content.decode()}"]


@pytest.mark.slow
def test_log_names_no_link(scene: Scene, asked: Approval, browser: Client, capsys: Any) -> None:
    logging.config.dictConfig(logging_config(testing=True))
    secret = link_to(scene, asked)
    _delegated(scene, asked)
    for wanted in (path(secret), path(secret) + "more", f"/d/{secret}"):
        browser.get(wanted)
        browser.post(wanted)
    told = capsys.readouterr().err
    assert re.search(r"/d/…", told)
    assert secret not in told
