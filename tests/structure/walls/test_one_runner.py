"""Calls to outside systems are made by the runner; who speaks HTTP beside it is named with a reason."""

import ast

from tests.structure.source import Source, app_files

BESIDE = {
    "accounts/company/protocol.py": "asks a company's provider who somebody is, before anybody is signed in",
    "integrations/calls/runner.py": "the runner",
    "integrations/connections/token_endpoint.py": "asks for tokens, without which the runner can call nobody",
    "core/privacy/key_management.py": "has the keys unwrapped as a process starts, without which no row can be read",
    "core/webhooks/attempts.py": "posts to addresses of organisations, with a log and attempts of its own",
    "agents/knowledge/search/vectors.py": "asks models, under budgets and with their breaker",
    "agents/knowledge/sources/crawler.py": "reads public pages",
    "integrations/langflow/client.py": "streams an agent's answer",
    "integrations/mail/providers/sendgrid.py": "hands over mail, whose rows are its log",
    "integrations/meta/client.py": "hands over messages, whose rows are their log",
    "integrations/slack/client.py": "hands over messages, whose rows are their log",
    "integrations/twilio/client.py": "hands over messages, whose rows are their log",
    "integrations/twilio/content.py": "reads the templates of a channel",
    "integrations/media.py": "fetches files of messages",
    "integrations/object_store.py": "writes files and anchors of the installation",
    "integrations/pagerduty/client.py": "calls people, when all else may have failed",
    "integrations/push/delivery.py": "posts to browsers' push services",
    "integrations/siem/senders.py": "sends the audit log, which says itself what is still to be sent",
}
"""The modules that open connections by `OutgoingHttp`, and why."""
SOCKETS = {"socket", "http.client", "urllib.request", "ssl"}
OTHER_SOCKETS = {
    "core/http.py", "integrations/imap.py", "integrations/mail/providers/smtp.py", "integrations/siem/senders.py"
}  # fmt: skip
"""The HTTP client itself, and mail and syslog, which aren't HTTP."""


def _names(source: Source) -> set[str]:
    found = {alias.name for node in source.nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_outside_systems_are_called_by_the_runner_or_with_a_reason() -> None:
    found = {source.path for source in app_files() if "core.http.OutgoingHttp" in _names(source)}
    assert found == set(BESIDE)


def test_no_adapter_opens_a_socket() -> None:
    places = [source for source in app_files() if source.path.startswith("integrations/")]
    assert {source.path for source in places if _names(source) & SOCKETS} <= OTHER_SOCKETS


def test_socket_of_an_adapter_is_seen() -> None:
    text = "import socket\nfrom core.http import OutgoingHttp\n"
    names = _names(Source("integrations/new/client.py", text, ast.parse(text)))
    assert {"socket", "core.http.OutgoingHttp"} <= names
