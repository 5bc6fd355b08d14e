"""Dependencies point downwards: imports, foreign keys, and no names in strings that go round them."""

import ast
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.apps import apps

from tests.structure.source import LAYERS, ROOT, Source, app_files, name_of

RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def _is_upward(source: str, target: str) -> bool:
    if source == target or source not in RANK or target not in RANK:
        return False
    return RANK[target] <= RANK[source]


def test_foreign_keys_point_downwards_only() -> None:
    upward = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields(include_parents=False)
        if field.concrete and field.is_relation and field.related_model
        if _is_upward(model.__module__.split(".")[0], field.related_model.__module__.split(".")[0])
    ]
    assert upward == []


@pytest.mark.parametrize(("source", "target"), [("core", "hitl"), ("integrations", "conversations")])
def test_order_upward_or_sideways_is_seen(source: str, target: str) -> None:
    assert _is_upward(source, target)


def test_models_and_tasks_are_never_named_in_strings() -> None:
    named = [
        f"{source.path}:{call.lineno}"
        for source in app_files()
        if not source.path.startswith("core/")
        for call in source.calls()
        if name_of(call) in ("get_model", "send_task") and any(isinstance(a, ast.Constant) for a in call.args)
    ]
    assert named == []


def test_import_contracts_hold() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    asked = subprocess.run([tool, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stdout + asked.stderr


PLATFORMS = {path.parent.name for path in (ROOT / "integrations").glob("*/platform.py")}
"""Packages that are registered by the setting PLATFORMS, and that nobody has to know."""


def _enters_a_platform(source: Source, used: str) -> bool:
    app, package, *_ = *used.split("."), ""
    return app == "integrations" and package in PLATFORMS and not source.path.startswith(f"integrations/{package}/")


def test_nothing_imports_a_platform_but_its_own_package() -> None:
    entered = [
        f"{source.path}: {used}"
        for source in app_files()
        for used in sorted(_modules_used(source))
        if _enters_a_platform(source, used)
    ]
    assert entered == []


@pytest.mark.parametrize(
    ("path", "used"),
    [
        ("integrations/slack/client.py", "integrations.sandbox_ads.types.Ok"),
        ("integrations/services.py", "integrations.sandbox_ads"),
        ("config/urls.py", "integrations.sandbox_ads.platform"),
    ],
)
def test_import_of_a_platform_from_outside_is_seen(path: str, used: str) -> None:
    assert _enters_a_platform(Source(path, "", ast.parse("")), used)


def test_everything_else_in_integrations_has_its_layer() -> None:
    written = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in written if each["id"] == "integrations")
    layers = {name for layer in contract["layers"] for name in re.findall(r"\w+", layer)}
    there = {info.name for info in pkgutil.iter_modules([str(ROOT / "integrations")])} - {"migrations"}
    assert there - PLATFORMS == layers - PLATFORMS


def _sends_by_itself(used: str) -> bool:
    return f"{used}.".startswith(("urllib.request.", "http.client."))


def test_http_of_the_standard_library_is_not_used_either() -> None:
    """The contract on HTTP can't name a part of the standard library."""
    senders = [
        f"{source.path}: {used}"
        for source in app_files()
        if source.path != "config/launcher/installation.py"  # it asks whether the installation answers
        for used in sorted(_modules_used(source))
        if _sends_by_itself(used)
    ]
    assert senders == []


@pytest.mark.parametrize(
    "line", ["import urllib.request", "from urllib.request import urlopen", "from http import client"]
)
def test_http_of_the_standard_library_is_seen(line: str) -> None:
    assert [used for used in _modules_used(Source("", line, ast.parse(line))) if _sends_by_itself(used)]


# What an app offers to those above it, beside its models for foreign keys and reading.
OFFERED = {"services", "selectors", "events", "actions", "registry", "types", "errors", "mediums", "models"}
# `core` is the common ground and `console` the kit of pages; an integration's folder is one client.
OPEN_APPS = ("core", "console", "integrations", "config")
ALSO_OFFERED = {
    "accounts.permissions.object_permissions": "rights on single objects",
    "accounts.permissions.roles": "the names of the roles",
    "accounts.privacy.reveals": "opening and asking for a grant to see personal data",
    "accounts.notices": "one's own notices, and who is sent an alert",
    "accounts.saved_views": "one's own saved views of lists",
    "accounts.versioning": "the conflict that names who changed a definition first",
    "accounts.last_change": "who did something last, for those who came too late",
    "accounts.rest.serializers": "how the API shows a colleague",
    "accounts.privacy.erasure": "the service that erases a member",
    "accounts.permissions.operators": "who is an operator of the installation, and what every organisation is told",
    "accounts.members.invitations": "the services that invite a colleague",
    "accounts.sign_in.password_reset": "who is sent a link to a new password, and making it as its mail leaves",
    "accounts.permissions.team_scope": "who sees the conversations of their own teams only",
    "accounts.permissions.role_limits": "the limit to the rights a person may grant",
    "accounts.secret_pages": "how a page is answered whose address is a secret",
    "accounts.api_keys": "the actor of an API key, for a door outside the API",
    "accounts.middleware": "the session's key for the tenant, for sockets",
    "accounts.sign_in.views": "the sign-in page, for the console's site",
    "conversations.messages.files": "pure: what a file is, and how one is named",
    "conversations.messages.downloads": "how a file is served",
    "conversations.texts": "pure rules of what a text may be",
    "conversations.inbox.rest.serializers": "how the API shows a conversation, where a list expands it",
    "agents.llm.ports": "what decides a turn and what words it",
    "agents.answering.tools": "registry of tools, and who may use each",
    "accounts.push": "browsers that show notices, and what their push services take",
    "hitl.domain.state_machine": "pure: the states",
    "agents.llm.registry": "registry of models and of what decides a turn",
    "hitl.domain.permissions": "the names of permissions",
    "hitl.exports": "the columns of the list of approvals, and how many exports one may make",
    "hitl.display": "how states and risks are shown",
    "hitl.approvals.admin.panels": "registry of panels on an approval's page",
    "hitl.notification_channels": "registry of ways to reach an approver",
    "hitl.approvals.rest.serializers": "how the API shows a request, where a list expands it",
    "hitl.masking": "what a viewer may read of a request",
    "hitl.approvals.models": "the rows of requests, for reading",
    "hitl.approvals.change.simulate": "what a request would need; writes nothing",
    "hitl.approvals.state.conflicts": "who decided a request, in words",
    "hitl.killswitch.targets": "registry of what a kill switch may be aimed at",
}


def _modules_used(source: Source) -> set[str]:
    """The modules a file imports; the members of what it imports from count as modules, too."""
    found = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if "." in alias.name}
    return found


def _is_offered(used: str) -> bool:
    parts = used.split(".")
    return parts[1] in OFFERED or any(".".join(parts[:end]) in ALSO_OFFERED for end in range(2, len(parts) + 1))


def test_apps_use_only_what_lower_apps_offer() -> None:
    reached_into = [
        f"{source.path}: {used}"
        for source in app_files()
        if not source.path.startswith(("config/", "demo/"))
        for used in sorted(_modules_used(source))
        if (app := used.split(".")[0]) in RANK and app not in OPEN_APPS and app != source.path.split("/")[0]
        if not _is_offered(used)
    ]
    assert reached_into == []


def _kind(module: str) -> str:
    """Return which face of an app a module belongs to: `models`, `rest`, `admin`, or "" for what lies behind them."""
    return next((part for part in module.split(".")[1:] if part in ("models", "rest", "admin")), "")


def _reaches_past(source: Source, used: str) -> bool:
    """Tell if a module of hitl imports what its own face may not: the contract on rooms leaves these imports out."""
    if not used.startswith("hitl."):
        return False
    here, there = _kind(source.path.removesuffix(".py").replace("/", ".")), _kind(used)
    if here == "models":
        return there != "models" and not used.startswith("hitl.domain.")
    return there in ("rest", "admin") and here != there


def test_rows_pages_and_endpoints_of_hitl_keep_to_themselves() -> None:
    past = [
        f"{source.path}: {used}"
        for source in app_files()
        if source.path.startswith("hitl/") and source.path != "hitl/apps.py"
        for used in sorted(_modules_used(source))
        if _reaches_past(source, used)
    ]
    assert past == []


@pytest.mark.parametrize(
    ("path", "used"),
    [
        ("hitl/execution/models.py", "hitl.execution.claim.claim"),
        ("hitl/execution/claim.py", "hitl.approvals.admin.rows.rows_of"),
        ("hitl/batches/rest.py", "hitl.batches.admin.BatchAdmin"),
    ],
)
def test_import_past_a_face_is_seen(path: str, used: str) -> None:
    assert _reaches_past(Source(path, "", ast.parse("")), used)
