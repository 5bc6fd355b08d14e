"""Every URL of the resolver, asked by those who should get nothing from it."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from core.tenancy.scope import tenant_scope
from tests.security.conftest import Visitor, token_of
from tests.security.expectations import EXPECTED, expected
from tests.security.rows import MARK, Watched, changed, snapshot
from tests.security.town import HELP_TITLE, SECRETS, Town, build_town
from tests.security.urls import every_url, path_of
from tests.world import World, build_world, kept_for_the_module

pytestmark = pytest.mark.django_db
URLS = every_url()
CARRIERS = [name for name in URLS if name.startswith("admin:") and name.endswith(("_changelist", "_change"))]
# In parts, since the transaction of a test holds back those that wait for it in other processes.
PARTS = 4
# Who sees what support or compliance see, or less.
RIGHTS_ARE_THEIRS_TOO = ("viewer", "approver", "admin", "owner")
# Names nothing that a person wrote: the organisation's name alone, and what no owner sees.
SILENT = {
    "admin:hub_transactiondraft_changelist",
    "admin:agents_agentrun_changelist",
    "admin:accounts_tenant_changelist",
    "admin:accounts_tenant_change",
    "admin:analytics_personrequest_changelist",
    "admin:core_consentwording_changelist",
    "admin:core_retentionchoice_changelist",
    "admin:accounts_tier_changelist",
    "admin:accounts_tier_change",
}
HELP_PAGES = [f"help_{name}" for name in "home language topic article search vote sitemap feed".split()]
NOT_OURS = {
    "accounts_membership",
    "accounts_notice",
    "accounts_savedview",
    "accounts_share",
    "accounts_user",
    "accounts_browsersession",
    "accounts_tokenfamily",
    "core_auditentry",
    "core_erasure",
    "analytics_brief",
    "analytics_export",
    "hitl_delegation",
    "hitl_evidenceexport",
    "hitl_notificationpreference",
    "channels_app_colleagueaddress",
    "hitl_cap",
    "agents_budget",
    "hitl_riskpolicy",
    "hitl_linkpolicy",
    "hitl_decisionpolicy",
    "hitl_batchdecision",
}  # their texts are names and codes of the world, not marks, or somebody else's


@pytest.fixture(scope="module")
def town_of_the_module(django_db_setup: None, django_db_blocker: Any) -> Iterator[Town]:
    with kept_for_the_module(django_db_blocker):
        yield build_town(build_world())


@pytest.fixture
def town(town_of_the_module: Town, db: None) -> Town:
    """The same town for every test: what a test writes is rolled back."""
    return deepcopy(town_of_the_module)


@pytest.fixture
def world(town: Town) -> World:
    return town.world


class Signed:
    """One visitor's browser, signed in again whenever an answer has ended or changed its session."""

    def __init__(self, visitor: Visitor, who: str) -> None:
        self._visitor, self._who = visitor, who
        self._arrive()

    def _arrive(self) -> None:
        self._client = self._visitor(self._who)
        self._cookies = {name: one.value for name, one in self._client.cookies.items()}

    def fresh(self) -> Client:
        """Return a browser with the cookies of the first visit, and a session that still stands."""
        now_has = {name: one.value for name, one in self._client.cookies.items() if name in self._cookies}
        if now_has != self._cookies or (self._who != "stranger" and not self._client.session.exists(self._key())):
            self._arrive()
        return self._client

    def _key(self) -> str:
        return self._cookies[settings.SESSION_COOKIE_NAME]


def asked(client: Client, town: Town, name: str, method: str = "get") -> tuple[Any, str]:
    """Ask a URL with the first tenant's ids and a valid form; returns the answer and all its text."""
    path = path_of(name, URLS[name], town)
    if method == "get":
        answer: Any = client.get(path)
    else:
        answer = client.post(path, {**town.form(), "csrfmiddlewaretoken": token_of(client)})
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer, f"{answer.headers}{body.decode(errors='replace')}"


def acme_rows(town: Town) -> dict[str, str]:
    with tenant_scope(town.world.acme.pk):
        return snapshot()


def watched(town: Town) -> Watched:
    with tenant_scope(town.world.acme.pk):
        return Watched()


def test_every_url_has_its_row_and_every_row_its_url() -> None:
    assert sorted(EXPECTED) == sorted(URLS)


@pytest.mark.parametrize(
    "who", ["outsider", *(pytest.param(one, marks=pytest.mark.slow) for one in ("stranger", "viewer"))]
)
def test_url_answers_as_its_row_says_and_tells_nobody_elses_words(town: Town, visitor: Visitor, who: str) -> None:
    client = Signed(visitor, who)
    found = {name: asked(client.fresh(), town, name) for name in EXPECTED}
    assert _statuses(found, who, "get") == {}
    assert _words_of_others(found, who) == set()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_page_read_by_the_owner_answers_as_its_row_says_and_writes_only_that_they_saw_it(
    town: Town, visitor: Visitor, part: int
) -> None:
    client, rows, found = Signed(visitor, "owner"), watched(town), {}
    for name in list(EXPECTED)[part::PARTS]:
        found[name] = asked(client.fresh(), town, name)
        with tenant_scope(town.world.acme.pk):
            assert rows.changed() <= EXPECTED[name].leaves, name
    assert _statuses(found, "owner", "get") == {}


def _statuses(found: dict[str, tuple[Any, str]], who: str, method: str) -> dict[str, Any]:
    """Return (answered, expected) of the URLs that answer otherwise than their row says."""
    wanted = {name: expected(name, method, who) for name in found}
    pairs = {name: (found[name][0].status_code, status) for name, status in wanted.items() if status is not None}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _words_of_others(found: dict[str, tuple[Any, str]], who: str) -> set[str]:
    if who not in ("stranger", "outsider"):
        return set()
    told = {name: text.replace(HELP_TITLE, "") if name in HELP_PAGES else text for name, (_, text) in found.items()}
    return {name for name, text in told.items() if any(secret in text for secret in SECRETS)}


@pytest.mark.slow
@pytest.mark.parametrize("who", ["stranger", "outsider"])
def test_form_posted_by_nobody_of_the_organisation_is_answered_as_its_row_says_and_changes_nothing(
    town: Town, visitor: Visitor, who: str
) -> None:
    client, found, touched, rows = Signed(visitor, who), {}, {}, watched(town)
    for name in EXPECTED:  # in its order: a second brief within the hour is one too many
        found[name] = asked(client.fresh(), town, name, "post")
        with tenant_scope(town.world.acme.pk):
            touched[name] = rows.changed()
    assert _statuses(found, who, "post") == {}
    assert _words_of_others(found, who) == set()
    assert {name: tables for name, tables in touched.items() if tables} == {}


@pytest.mark.slow
def test_form_posted_by_the_owner_is_answered_as_its_row_says(town: Town, visitor: Visitor) -> None:
    wanted = [name for name in EXPECTED if expected(name, "post", "owner") is not None]
    client = Signed(visitor, "owner")
    found = {name: asked(client.fresh(), town, name, "post") for name in wanted}
    assert _statuses(found, "owner", "post") == {}


# Doors that carry no cookie and trust none.
SIGNED_OR_OPEN = {
    "widget_session",
    "widget_file",
    "widget_message",
    "widget_form",
    "whatsapp_webhook",
    "whatsapp_status",
    "app_messages",
    "app_file",
    # Pages for everybody, without a session: their forms look at where they come from.
    *HELP_PAGES,
    "mcp",
    "back_office_changes",
    "hubspot_changes",
    "zendesk_changes",
    "email_events",
    "slack_interactivity",
    "cloud_webhook",
    "email_inbound",
    "brief_unsubscribe",
    "api_schema",
    "api_docs",
    # Its token is signed by the company's provider.
    "company_end_sessions",
    "scim",
    "scim_resource",
    # They take a password or a token in their body, and no cookie.
    "api-auth-login",
    "api-auth-refresh",
    "api-auth-logout",
    "api-registration-register",
    "api-registration-verify-email",
}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_owner_without_a_csrf_token_changes_nothing(town: Town, visitor: Visitor, method: str) -> None:
    client, before = visitor("owner"), acme_rows(town)
    # The pages of the console know forms alone: other methods are the interface's.
    names = [name for name in URLS if method == "post" or name.startswith("api")]
    found = {name: getattr(client, method)(path_of(name, URLS[name], town), town.form()).status_code for name in names}
    assert {name for name, status in found.items() if status != 403} <= SIGNED_OR_OPEN
    assert changed(before, acme_rows(town)) == set()


@pytest.mark.slow
def test_pages_of_the_town_do_carry_the_mark(town: Town, visitor: Visitor) -> None:
    client = visitor("owner")
    carriers = [name for name in CARRIERS if name not in SILENT and not any(part in name for part in NOT_OURS)]
    pages = {name: client.get(path_of(name, URLS[name], town), follow=True) for name in carriers}
    assert {name for name, page in pages.items() if MARK not in page.content.decode()} == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "role",
    ["support", "compliance", *(pytest.param(one, marks=pytest.mark.slow) for one in RIGHTS_ARE_THEIRS_TOO)],
)
def test_page_shows_nobody_personal_data_in_clear(town: Town, visitor: Visitor, role: str) -> None:
    client = visitor(role)
    told = {name: asked(client, town, name)[1] for name in CARRIERS}
    in_clear = ("q@acme.example", "600 999 111", "600999111", "4111 1111 1111 1111")
    assert {name for name, text in told.items() if any(value in text for value in in_clear)} == set()


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("approver", "admin:hitl_approval_approve"),
        ("approver", "admin:hitl_approval_reject"),
        ("compliance", "admin:hitl_approval_hold"),
        ("owner", "admin:hitl_approval_cancel"),
        ("support", "admin:conversations_conversation_reply"),
        ("support", "admin:conversations_conversation_take_over"),
        ("support", "admin:conversations_conversation_close"),
        ("compliance", "admin:conversations_conversation_reveal"),
        ("owner", "admin:accounts_membership_role"),
        ("owner", "admin:accounts_membership_remove"),
        ("owner", "admin:accounts_apikey_revoke"),
        ("owner", "admin:core_deadletter_replay"),
        ("owner", "admin:core_deadletter_discard"),
    ],
)
def test_same_form_with_the_right_changes_rows(town: Town, visitor: Visitor, role: str, name: str) -> None:
    before = acme_rows(town)
    assert asked(visitor(role), town, name, "post")[0].status_code == 302
    assert changed(before, acme_rows(town)) > {"core_auditentry", "core_audithead"}
