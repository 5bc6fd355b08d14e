"""The description fits the routes, names every error, and its page works under our own policy."""

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from pytest_django.live_server_helper import LiveServer

from config.api import Root, urlpatterns
from core.rest.schema import ERRORS, WRITING_ERRORS
from tests.api.office import KIND, Office

METHODS = ("get", "post", "put", "patch", "delete")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def described() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


def operations(described: Any) -> dict[str, Any]:
    paths = described["paths"].items()
    return {f"{method.upper()} {path}": said for path, methods in paths for method, said in methods.items()}


def endpoints() -> Iterator[tuple[str, str, Any, str]]:
    """Yield method, path, view class and action of each operation."""
    for entry in urlpatterns:
        route = str(entry.pattern)
        if route.startswith("api/v1/"):
            path = "/" + re.sub(r"<(?:uuid|slug):(\w+)>", r"{\1}", route)
            view: Any = entry.callback
            actions = getattr(view, "actions", None) or {each: each for each in METHODS if hasattr(view.cls, each)}
            yield from ((method, path, view.cls, actions[method]) for method in METHODS if method in actions)


def routed() -> set[str]:
    return {f"{method.upper()} {path}" for method, path, _view, _action in endpoints()}


@pytest.mark.slow
def test_description_is_valid_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))


@pytest.mark.slow
def test_every_route_is_described_and_nothing_else(described: Any) -> None:
    assert set(operations(described)) == routed()


@pytest.mark.slow
def test_every_group_says_what_it_is_about_and_has_operations(described: Any) -> None:
    used = {tag for said in operations(described).values() for tag in said.get("tags", ())}
    assert {group["name"] for group in described["tags"]} == used
    assert all(group["description"].endswith(".") for group in described["tags"])


@pytest.mark.slow
def test_every_operation_names_its_errors(described: Any) -> None:
    for name, said in operations(described).items():
        wanted = {*ERRORS, *(() if name.startswith("GET") else WRITING_ERRORS)}
        assert wanted <= set(said["responses"]), name


@pytest.mark.slow
def test_answer_over_the_limit_says_what_was_left_and_when_to_come_back(described: Any) -> None:
    limits = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    assert set(described["components"]["responses"]["Error429"]["headers"]) == {*limits, "Retry-After"}
    for name, said in operations(described).items():
        done = [response for code, response in said["responses"].items() if code.startswith("2")]
        assert done, name
        assert all(limits <= set(response["headers"]) for response in done), name


def test_every_list_says_how_to_turn_its_pages(described: Any) -> None:
    lists = {f"{method.upper()} {path}" for method, path, _view, action in endpoints() if action in ("list", "search")}
    parts = ("decisions", "notifications", "timers")
    without_pages = [*(f"GET /api/v1/approvals/{{approval_id}}/{part}/" for part in parts), "GET /api/v1/usage/"]
    without_pages += ["GET /api/v1/event-types/", "GET /api/v1/figures/", "GET /api/v1/retention/"]
    without_pages += [f"GET /api/v1/organisation/{part}/" for part in ("settings", "usage")]
    assert set(without_pages) < lists
    for name in lists.difference(without_pages):
        said = operations(described)[name]
        assert {"cursor", "limit"} <= {row["name"] for row in said["parameters"]}, name
        page = described["components"]["schemas"][schema_of(said)["$ref"].rpartition("/")[2]]
        assert set(page["properties"]) == {"next", "results"}, name


def schema_of(said: Any) -> Any:
    found: Any = said["responses"]["200"]["content"]["application/json"]["schema"]
    return found


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the document."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from parts(child)


def test_no_value_of_a_fixed_set_is_left_out_as_an_empty_text(described: Any) -> None:
    assert [
        part for part in parts(described) if part.get("default") == "" and {"enum", "$ref", "allOf"} & set(part)
    ] == []


def test_value_of_a_fixed_set_that_may_be_empty_says_so(described: Any) -> None:
    schemas = described["components"]["schemas"]
    assert "BlankEnum" in str(schemas["Consent"]["properties"]["purpose"])
    assert schemas["BlankEnum"]["enum"] == [""]


def test_messages_name_their_states_and_files(described: Any) -> None:
    message = described["components"]["schemas"]["Message"]["properties"]
    for name, kind in (
        ("direction", "MessageDirection"),
        ("status", "MessageStatus"),
        ("sender_type", "MessageSender"),
    ):
        assert kind in str(message[name]), name
    assert "Media" in str(message["media"])
    assert "approval_id" in message["metadata"]["properties"]


def test_dropping_a_draft_is_answered_without_a_body(described: Any) -> None:
    reply, agent = "conversations/{conversation_id}/draft/", "agents/{agent_id}/draft/"
    wanted = {
        f"GET {reply}": {"200"}, f"PUT {reply}": {"200", "204"}, f"DELETE {reply}": {"204"}, f"DELETE {agent}": {"204"}
    }  # fmt: skip
    found = {
        name: {code for code in operations(described)[name.replace(" ", " /api/v1/")]["responses"] if code < "300"}
        for name in wanted
    }
    assert found == wanted


@pytest.mark.parametrize("name", ["Document", "DocumentDetail"])
def test_address_of_a_document_may_be_empty(described: Any, name: str) -> None:
    address = described["components"]["schemas"][name]["properties"]["address"]
    assert (address["type"], "format" in address) == ("string", False)


def test_no_default_is_a_text_that_would_be_refused(described: Any) -> None:
    assert [part for part in parts(described) if part.get("default") == "" and part.get("minLength")] == []


def made_client(described: Any, tmp_path: Path) -> Path:
    """Let openapi-python-client make a client, without a warning, and return its package."""
    document, settings, made = tmp_path / "schema.json", tmp_path / "settings.json", tmp_path / "walker_client"
    document.write_text(json.dumps(described, default=str))
    settings.write_text('{"post_hooks": []}')  # it would call ruff, if it is there
    tool = Path(sys.executable).parent / "openapi-python-client"
    options = ["--path", document, "--config", settings, "--meta", "none", "--output-path", made, "--fail-on-warning"]
    done = subprocess.run([tool, "generate", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.mark.slow
def test_a_generator_of_clients_builds_every_operation(described: Any, tmp_path: Path) -> None:
    made = made_client(described, tmp_path)
    built = [path for path in (made / "api").rglob("*.py") if path.name != "__init__.py"]
    assert len(built) == len(operations(described))
    assert all(compile(path.read_text(), path, "exec") for path in made.rglob("*.py"))


@pytest.mark.slow
def test_a_made_client_requests_lists_approves_and_reads_an_error(
    described: Any, tmp_path: Path, live_office: Office, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_client(described, tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    package, models = importlib.import_module("walker_client"), importlib.import_module("walker_client.models")

    def call(role: str, name: str, *ids: Any, **more: Any) -> Any:
        module = importlib.import_module(f"walker_client.api.approvals.approvals_{name}")
        with package.AuthenticatedClient(live_server.url, token=live_office.key(role)) as client:
            return module.sync_detailed(*ids, client=client, **more)

    body = {"kind": KIND, "params": {"campaign": "Winter", "budget": "120.00"}}
    asked = call("support", "create", body=models.ProposalRequest.from_dict(body)).parsed
    assert asked.state == "pending"
    assert asked.id in {row.id for row in call("approver", "list").parsed.results}
    stale = call("approver", "approve", asked.id, body=models.VerdictRequest(digest="0" * 64))
    assert (stale.status_code, stale.parsed.code) == (409, "stale_digest")
    signed = call(
        "approver", "approve", asked.id, body=models.VerdictRequest(digest=asked.digest, reason="Fine")
    ).parsed
    assert signed.state == "approved"
    assert call("viewer", "retrieve", asked.id).parsed.state == "approved"


def test_every_action_has_its_line_in_the_table_of_permissions() -> None:
    viewed = [(view, action) for _method, _path, view, action in endpoints() if view is not Root]
    assert [f"{view.__name__}.{action}" for view, action in viewed if action not in view.permissions] == []


def test_every_operation_says_what_it_does(described: Any) -> None:
    assert [name for name, said in operations(described).items() if not said.get("description")] == []


def test_every_writing_operation_takes_an_idempotency_key_but_those_that_anybody_calls(described: Any) -> None:
    posts = {name: said for name, said in operations(described).items() if name.startswith("POST")}
    keyed = [n for n, said in posts.items() if "Idempotency-Key" in {row["name"] for row in said.get("parameters", ())}]
    anybodys = {f"POST /api/v1/auth/{name}/" for name in ("login", "logout", "refresh", "register", "verify-email")}
    assert set(posts) - set(keyed) == {name for name, said in posts.items() if "security" not in said} == anybodys


def test_description_names_both_ways_to_sign_in(described: Any) -> None:
    assert set(described["components"]["securitySchemes"]) == {"apiKey", "session"}


def needs() -> dict[str, str]:
    """Return what each operation needs, as the page writes it."""
    return {
        f"{method.upper()} {path}": f"`{view.permissions[action]}`"
        for method, path, view, action in endpoints()
        if view.permissions.get(action)
    }


def test_reference_page_lists_every_operation_and_what_it_needs() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    listed = re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)` \| (\S+) \|", page, re.MULTILINE)
    assert dict(listed) == dict.fromkeys(routed(), "–") | needs()


def test_reference_page_lists_every_error() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    assert set(re.findall(r"^\| (\d{3}) \|", page, re.MULTILINE)) == {*ERRORS, *WRITING_ERRORS, "405"}


@pytest.mark.slow
@pytest.mark.django_db
def test_description_is_open_to_everybody(client: Client) -> None:
    assert client.get("/api/schema/", headers={"Authorization": "Bearer nonsense"}).status_code == 200


@pytest.mark.slow
def test_description_comes_in_the_format_that_the_address_names(client: Client) -> None:
    assert json.loads(client.get("/api/schema/?format=json").content)["openapi"] == "3.1.0"
    assert client.get("/api/schema/?format=yaml", headers={"Accept": "text/html"}).content.startswith(b"openapi: 3.1.0")
    assert client.get("/api/schema/?format=toml").status_code == 400


@pytest.mark.django_db
def test_page_takes_everything_from_here(client: Client) -> None:
    page = client.get("/api/docs/").content.decode()
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert any(source.endswith(".js") for source in sources)
    assert [source for source in sources if not source.startswith(("/", "#", "data:"))] == []
