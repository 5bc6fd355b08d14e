"""Every list with rows of each shape, as each role: filters, orders, rows, links, parameters of the API, exports."""

import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator

from accounts.models import Membership
from analytics.exports import jobs, work
from analytics.exports.sources import SOURCES
from analytics.exports.writers import why_no_format
from analytics.models import Export
from core.clock import now
from core.errors import Invalid, Refused
from core.tenancy.scope import tenant_scope
from tests.database.sealing import seal_rules
from tests.security.conftest import Visitor
from tests.security.rows import add_every_shape
from tests.security.town import Town, build_town
from tests.security.urls import every_url, path_of
from tests.world import World, build_world, kept_for_the_module

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
URLS = every_url()
LISTS = [name for name in URLS if name.startswith("admin:") and name.endswith("_changelist")]
ROLES = pytest.mark.parametrize("role", Membership.Role.values)
SELECT = re.compile(r'<select[^>]*\bid="filter-[^"]*" name="([^"]+)"[^>]*>(.*?)</select>', re.DOTALL)
OPTION = re.compile(r'<option value="([^"]+)"')
# Orders, chips and pages; rows.
LINK = re.compile(r'href="(\?[^"]+)"')
ROW = re.compile(r'class="wk-row-link" href="([^"]+)"')
# Of any page: where it leads within the console. Actions of a page change something, or download.
LEADS = re.compile(r'<a\b[^>]*\bhref="(/admin/[^"#]*)')
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+")
# Not parts of a list: a reveal that is not open, and places that only a page before names.
# And which figures have which dimension and step is said by the list of figures.
NO_FILTERS = frozenset({"show_pii", "cursor", "dimension", "step"})
# Their documents and files are made up here, and no service writes such.
NOT_OPENED = ("/admin/agents/evalcase/", "/admin/conversations/cannedreply/*/files/")
MOST_ROWS = 3
MOST_STATEMENTS = 42
"""Of one page of the console, with rows of every shape in every table."""
NO_SUCH = "no-such-thing"
WORD = "zoo"


@pytest.fixture(scope="module")
def town_of_the_module(django_db_setup: None, django_db_blocker: Any) -> Iterator[Town]:
    with kept_for_the_module(django_db_blocker):
        town = build_town(build_world())
        with tenant_scope(town.world.acme.pk):
            took = add_every_shape(town.world.people["viewer"])
            seal_rules()
        assert took > 200  # else the tables refuse what this file is about
        yield town


@pytest.fixture
def town(town_of_the_module: Town, db: None) -> Town:
    return deepcopy(town_of_the_module)


@pytest.fixture
def world(town: Town) -> World:
    return town.world


@ROLES
def test_console_list_opens_with_each_filter_and_order_and_each_of_its_rows(
    town: Town, visitor: Visitor, role: str
) -> None:
    client, wrong, seen = visitor(role), {}, 0
    for name in LISTS:
        path = path_of(name, URLS[name], town)
        answer = client.get(path)
        if answer.status_code == 302:  # the list stands elsewhere
            path = answer["Location"].partition("?")[0]
            answer = client.get(path)
        if answer.status_code == 403:
            continue
        # The owner sees most: others open fewer rows, so that the whole stays within minutes.
        page, most = answer.content.decode(), None if role == "owner" else MOST_ROWS
        rows = [] if path in NOT_OPENED else [unescape(row) for row in ROW.findall(page)][:most]
        for address in dict.fromkeys((path, *_narrowed(path, page), *rows)):
            seen += 1
            if (status := client.get(address, follow=True).status_code) != 200:  # a page may be one of its tabs
                wrong[address] = status
        # A filter that names nothing narrows nothing, and the page says so.
        for filter_name in dict(SELECT.findall(page)) if role == "owner" else ():
            address = f"{path}?{filter_name}={NO_SUCH}"
            if "filters by something that doesn't exist" not in client.get(address).content.decode():
                wrong[address] = 0
    assert wrong == {}
    assert seen > 100


@ROLES
def test_no_page_links_to_a_place_that_its_reader_may_not_see_and_none_asks_much_of_the_database(
    town: Town, visitor: Visitor, role: str, kept_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.extensions.BADGE_SECONDS", 600)  # a busy machine takes more than five
    client = visitor(role)
    client.get("/admin/settings/")  # what is kept for a while is kept now
    waiting, met, wrong = ["/admin/"], Counter[str](), dict[str, tuple[int, str]]()
    found_on, heavy = {"/admin/": "nowhere"}, dict[str, int]()
    while waiting:
        address = waiting.pop(0)
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(address)
        # Where a test is one transaction, savepoints stand for transactions.
        if (count := sum("SAVEPOINT" not in query["sql"] for query in asked)) > MOST_STATEMENTS:
            heavy[address] = count
        if answer.status_code not in (200, 302):
            wrong[address] = (answer.status_code, found_on[address])
            continue
        if answer.status_code == 302 or not answer.get("Content-Type", "").startswith("text/html"):
            continue
        for link in map(unescape, LEADS.findall(answer.content.decode())):
            kind = ID.sub("*", link.partition("?")[0])
            if link in found_on or met[kind] >= MOST_ROWS or kind.startswith(NOT_OPENED):
                continue
            met[kind] += 1
            found_on[link] = address
            waiting.append(link)
    assert wrong == {}
    assert heavy == {}
    assert len(met) > 10


def _narrowed(path: str, page: str) -> Iterator[str]:
    """Yield the list with each filter, order and search that it offers."""
    for name, options in SELECT.findall(page):
        yield from (f"{path}?{urlencode({name: unescape(value)})}" for value in OPTION.findall(options))
    yield from (path + unescape(query) for query in LINK.findall(page))
    if 'name="q"' in page:
        yield f"{path}?q={WORD}"


@ROLES
def test_api_answers_each_value_of_each_parameter_that_its_description_names(
    town: Town, visitor: Visitor, settings: Any, role: str
) -> None:
    settings.EXPORTS_PER_HOUR = settings.API_REQUESTS_PER_MINUTE = settings.TENANT_REQUESTS_PER_MINUTE = 10**6
    described: Any = SchemaGenerator().get_schema(request=None, public=True)
    routes = {"/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route): name for name, route in URLS.items()}
    client, wrong, seen = visitor(role), {}, 0
    for route, methods in described["paths"].items():
        path, asked = path_of(routes[route], URLS[routes[route]], town), methods.get("get")
        if asked is None:
            continue
        usual = client.get(path).status_code
        if usual >= 500:
            wrong[path] = usual
        for parameter in asked.get("parameters", ()) if usual == 200 else ():
            if parameter["in"] != "query" or parameter["name"] in NO_FILTERS:
                continue
            for value in _values_of(parameter["schema"], described["components"]["schemas"]):
                address = f"{path}?{urlencode({parameter['name']: value})}"
                seen += 1
                status = client.get(address).status_code
                # A word may make no sense, such as for a person; what is expanded needs its own right.
                is_refused = (parameter["name"], status) == ("expand", 403) or (value, status) == (WORD, 400)
                if status != 200 and not is_refused:
                    wrong[address] = status
    assert wrong == {}
    assert seen > 50


def _values_of(schema: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    """Return what the description says that a parameter may be, or one example."""
    if "$ref" in schema:
        return _values_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for parts in ("oneOf", "anyOf", "allOf"):
        if parts in schema:
            return [value for part in schema[parts] for value in _values_of(part, schemas)]
    if "enum" in schema:
        return [str(value) for value in schema["enum"] if value is not None]
    kind, form = schema.get("type"), schema.get("format")
    if kind == "array":
        return _values_of(schema["items"], schemas)
    if kind == "boolean":
        return ["true", "false"]
    if kind in ("integer", "number"):
        return [str(schema.get("minimum", 1))]
    examples = {"date-time": now().isoformat(), "date": now().date().isoformat(), "uuid": str(uuid4())}
    return [examples.get(str(form), WORD)]


@ROLES
def test_every_list_is_exported_in_each_format_and_with_each_filter_or_refused(
    town: Town, settings: Any, role: str
) -> None:
    settings.EXPORTS_PER_HOUR = 10_000
    actor, wrong, made = town.world.actor(role), {}, 0
    span = {"since": now() - timedelta(days=2), "until": now() + timedelta(days=1)}
    with tenant_scope(town.world.acme.pk):
        for source, kind in SOURCES.items():
            formats = [one for one in Export._meta.get_field("format").choices or () if not why_no_format(one[0])]
            wanted = [(one, {}) for one, _label in formats]
            wanted += [("csv", {each.name: value}) for each in kind.choices() for value, _label in each.options]
            for form, filters in wanted:
                asked = jobs.Wanted(source=source, format=form, filters=filters, **span)
                try:
                    export = jobs.request_export(actor=actor, wanted=asked)
                except Refused:
                    assert not (actor.may(jobs.USE) and actor.may(kind.permission))
                    continue
                except Invalid as problem:
                    if problem.code != "no_rows":
                        wrong[source, form, str(filters)] = problem.code
                    continue
                done, made = work.write_export(export_id=export.pk), made + 1
                if done is None or done.state != Export.State.DONE:
                    wrong[source, form, str(filters)] = done.error if done else "not written"
    assert wrong == {}
    assert made > 10 or not actor.may(jobs.USE)
