"""Dependencies point downwards: imports, foreign keys, and no names in strings that go round them."""

import ast
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Container, Iterable
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


CLIENTS = {path.parent.name for path in (ROOT / "integrations").glob("*/client.py")} - PLATFORMS
"""Packages that only speak to a vendor."""
BELOW_CLIENTS = {"meanings", "media", "outcomes", "ports"}


def _mixes_clients(source: Source, used: str) -> bool:
    """Tell if something in integrations enters a client's package, or leaves one for what isn't below all of them."""
    app, here, *_ = *source.path.removesuffix(".py").split("/"), ""
    other, there, *_ = *used.split("."), ""
    if app != "integrations" or other != "integrations" or here == there:
        return False
    return there in CLIENTS or (here in CLIENTS and there not in BELOW_CLIENTS)


def test_clients_of_vendors_keep_to_themselves() -> None:
    mixed = [
        f"{source.path}: {used}"
        for source in app_files()
        for used in sorted(_modules_used(source))
        if _mixes_clients(source, used)
    ]
    assert mixed == []


@pytest.mark.parametrize(
    ("path", "used"),
    [
        ("integrations/slack/client.py", "integrations.twilio.types.Found"),
        ("integrations/services.py", "integrations.meta"),
        ("integrations/meta/client.py", "integrations.models.WebhookSubscription"),
    ],
)
def test_client_that_does_not_keep_to_itself_is_seen(path: str, used: str) -> None:
    assert _mixes_clients(Source(path, "", ast.parse("")), used)


CHANNELS = {
    path.relative_to(ROOT / "channels_app").parts[0] for path in (ROOT / "channels_app").rglob("channel.py")
} - {"kit"}
"""Packages that hold a vendor's channel, or what the channels of one vendor share."""
SHARED = {"exchanges", "file_links", "kit", "mime", "models", "webhooks"}
# One vendor's two media stand on what they share, and an app's customers chat on the socket of the web chat.
KNOW = {("twilio_sms", "twilio"), ("twilio_whatsapp", "twilio"), ("own_app", "web_chat")}
ABOVE_CHANNELS = {"admin", "apps", "receivers", "urls"}


def _knowing_too_much(sources: Iterable[Source]) -> list[str]:
    """Return which part of channels_app knows which channel that it may not know, also by others."""
    direct = {source.path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): source for source in sources}
    uses = {name: {_module_among(direct, used) for used in _modules_used(source)} for name, source in direct.items()}
    wrong = set()
    for name in direct:
        here = _part_of(name)
        if here not in CHANNELS | SHARED:
            continue
        seen, left = {name}, [name]
        while left:
            at = left.pop()
            cut = {used for used in uses[at] if (_part_of(at), _part_of(used)) in KNOW}
            new = {used for used in uses[at] if used} - cut - seen
            seen, left = seen | new, [*left, *new]
        parts = {_part_of(used) for used in seen} - {here}
        barred = (CHANNELS | {"tasks"}) if here in SHARED else (CHANNELS | ABOVE_CHANNELS)
        wrong |= {f"{here}: {part}" for part in parts & barred}
    return sorted(wrong)


def _part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _module_among(known: Container[str], used: str) -> str:
    """Return the module of channels_app that an imported name stands in; "" for another app's."""
    while used and used not in known:
        used = used.rpartition(".")[0]
    return used


def test_no_channel_knows_another_and_what_they_share_knows_none() -> None:
    assert _knowing_too_much(source for source in app_files() if source.path.startswith("channels_app/")) == []


@pytest.mark.parametrize(
    ("files", "wrong"),
    [
        ({"meta_whatsapp/numbers": "from channels_app.twilio import senders"}, "meta_whatsapp: twilio"),
        ({"twilio/handler": "from channels_app.twilio_sms.channel import TwilioSms"}, "twilio: twilio_sms"),
        ({"kit/found": "import channels_app.email.inbox"}, "kit: email"),
        ({"kit/found": "from channels_app import tasks", "tasks": ""}, "kit: tasks"),
        ({"models": "from channels_app.own_app.manage import App"}, "models: own_app"),
        ({"email/inbox": "from channels_app.sockets.console import Line",
          "sockets/console": "from channels_app.web_chat import frames"}, "email: web_chat"),
        ({"web_chat/frames": "from channels_app import urls", "urls": ""}, "web_chat: urls"),
    ],
)  # fmt: skip
def test_channel_that_is_known_too_well_is_seen(files: dict[str, str], wrong: str) -> None:
    there = ("twilio/senders", "twilio_sms/channel", "email/inbox", "own_app/manage", "web_chat/frames")
    texts = {**dict.fromkeys(there, ""), **files}
    assert _knowing_too_much(
        Source(f"channels_app/{path}.py", "", ast.parse(text)) for path, text in texts.items()
    ) == [wrong]


@pytest.mark.parametrize(("app", "apart"), [("integrations", PLATFORMS | CLIENTS), ("channels_app", CHANNELS)])
def test_everything_else_has_its_layer(app: str, apart: set[str]) -> None:
    written = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in written if each["id"] == app)
    layers = {name for layer in contract["layers"] for name in re.findall(r"\w+", layer)}
    there = {info.name for info in pkgutil.iter_modules([str(ROOT / app)])} - {"migrations"}
    assert there - apart == layers - apart


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
    "accounts.permissions.shares": "what is shared of single objects, beside roles",
    "accounts.members.shares": "the services that share single objects, and what can be shared",
    "accounts.permissions.roles": "the names of the roles",
    "accounts.privacy.reveals": "opening and asking for a grant to see personal data",
    "accounts.notices": "one's own notices, and who is sent an alert",
    "accounts.saved_views": "one's own saved views of lists",
    "accounts.members.pictures": "the services that keep and remove a member's picture",
    "accounts.members.profile": "the services that read and change one's own profile",
    "accounts.sign_in.factor_resets": "the services by which two people reset a lost second factor",
    "accounts.sign_in.registration": "the emails about registrations that are due, and how each ended",
    "accounts.sign_in.sessions": "one's own sessions and devices, and ending them",
    "accounts.company": "the services of the company's sign-in, and the way there for trying it",
    "accounts.linked": "the services of linked accounts, and which providers are offered",
    "accounts.organisation": "the services of the organisation's settings and tiers, what it uses, and its logo",
    "accounts.tokens": "who an access token stands for, for sockets",
    "accounts.sessions": "what says that a person's session ended, for sockets",
    "accounts.versioning": "the conflict that names who changed a definition first",
    "accounts.last_change": "who did something last, for those who came too late",
    "accounts.rest.serializers": "how the API shows a colleague",
    "accounts.privacy.erasure": "the service that erases a member",
    "accounts.permissions.operators": "who is an operator of the installation, and what every organisation is told",
    "accounts.members.own_roles": "the services of an organisation's own roles, and what names one",
    "accounts.members.invitations": "the services that invite a colleague",
    "accounts.sign_in.password_reset": "who is sent a link to a new password, and making it as its mail leaves",
    "accounts.permissions.team_scope": "who sees the conversations of their own teams only",
    "accounts.permissions.factor_rules": "who has no second factor although their role needs one",
    "accounts.permissions.role_limits": "the limit to the rights a person may grant",
    "accounts.secret_pages": "how a page is answered whose address is a secret",
    "accounts.api_keys": "the actor of an API key, for a door outside the API",
    "accounts.middleware": "the session's key for the tenant, for sockets",
    "accounts.sign_in.views": "the sign-in page, for the console's site",
    "conversations.messages.files": "pure: what a channel takes, and how a file is named",
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
    for node in source.nodes:
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
