"""No transport and no mail provider is reached but through the gate."""

import ast
import re
from collections.abc import Iterator

from tests.structure.source import Function, Source, app_files

# What hands a message over, where, and the question that is asked before it in the same function.
HANDED: dict[str, tuple[str, str]] = {
    "OutboundMessage": ("conversations/messages/delivery.py", "reach.find_way"),
    "transport().send": ("conversations/messages/delivery.py", "reach.find_way"),
    "route.sender.send": ("integrations/mail/delivery.py", "gate.judge_one"),
    "chat.postMessage": ("integrations/slack/posts.py", "gate.judge"),
}
# What our code calls of Slack's Web API, and where. Only a new message asks the gate.
SLACK = {
    ("chat.postMessage", "integrations/slack/posts.py"),
    # Shows the one who pressed why nothing was decided: the answer to their own request of seconds ago, seen by
    # nobody else and kept by nobody. Like the page that answers a form, it writes to nobody who didn't ask, and
    # somebody who opted out of notices still has to learn that their press decided nothing.
    ("chat.postEphemeral", "channels_app/approver_channels/slack/handler.py"),
    ("answer", "channels_app/approver_channels/slack/handler.py"),
    # Opens a form for the one who pressed, within three seconds of the press.
    ("views.open", "channels_app/approver_channels/slack/handler.py"),
    # Changes a message that was asked about when it was posted, so that its buttons go; Slack notifies nobody of it.
    ("chat.update", "channels_app/approver_channels/slack/posts.py"),
    ("auth.test", "channels_app/approver_channels/slack/connect.py"),
}
ASKED = re.compile(r"((reach|transports)\.(find_way|judge_new|require_wanted)|gate\.(judge|judge_one|take_place))$")
SENDS = re.compile(
    r"((^|\.)send_(text|template|media|image|document|buttons|list|interactive|location)|client\.send_message)$"
)
OUTSIDE = frozenset({"smtplib", "django.core.mail", "sendgrid", "twilio.rest"})
# A transport's own module, and the adapters of mail providers behind the registered sender.
ADAPTERS = frozenset(
    {
        "integrations/mail/providers/smtp.py",
        "integrations/mail/providers/sendgrid.py",
        "integrations/mail/providers/routes.py",
    }
)


def name_of(call: ast.Call) -> str:
    """Return what is called; of Slack's client, the method of its Web API if that sends."""
    first = call.args[0] if call.args else None
    is_named = isinstance(first, ast.Constant) and first.value in HANDED
    return str(first.value) if is_named else ast.unparse(call.func)  # type: ignore[union-attr]


def calls_of(function: Function) -> list[tuple[int, str]]:
    return [(node.lineno, name_of(node)) for node in ast.walk(function) if isinstance(node, ast.Call)]


def is_transport(source: Source) -> bool:
    return any(
        isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("Transport") for base in node.bases)
        for node in source.nodes
    )


def unasked() -> Iterator[str]:
    """Yield calls that hand something over in a function that asked nothing before."""
    for source in app_files():
        for function in source.functions():
            calls = calls_of(function)
            for line, name in calls:
                is_sending = bool(SENDS.search(name)) and not is_transport(source)
                asked = any(before <= line and ASKED.search(other) for before, other in calls)
                if (name in HANDED or is_sending) and not asked:
                    yield f"{source.path}:{line} {name}"


def imported(source: Source) -> set[str]:
    names = {node.module or "" for node in source.nodes if isinstance(node, ast.ImportFrom)}
    return names | {alias.name for node in source.nodes if isinstance(node, ast.Import) for alias in node.names}


def test_what_is_sent_was_asked_about_in_the_same_function() -> None:
    assert list(unasked()) == []


def test_transports_and_mail_senders_are_called_in_one_place_each() -> None:
    found = {
        (name, source.path) for source in app_files() for call in source.calls() if (name := name_of(call)) in HANDED
    }
    assert found == {(name, path) for name, (path, _) in HANDED.items()}


def test_libraries_that_send_are_imported_by_their_adapters_only() -> None:
    found = {source.path for source in app_files() if imported(source) & OUTSIDE}
    assert {path for path in found if path not in ADAPTERS and not path.startswith("integrations/twilio/")} == set()


def test_calls_of_slack_that_ask_nothing_are_those_with_a_reason() -> None:
    sources = [
        source
        for source in app_files()
        if source.path.startswith(("channels_app/approver_channels/slack/", "integrations/slack/"))
    ]
    calls = [(call, source.path) for source in sources for call in source.calls()]
    named = [
        (call.args[0], path)
        for call, path in calls
        if ast.unparse(call.func).endswith((").call", "client.call")) and call.args
    ]
    found = {(str(first.value), path) for first, path in named if isinstance(first, ast.Constant)}
    assert len(found) == len(named)
    assert found | {("answer", path) for call, path in calls if ast.unparse(call.func) == "answer"} == SLACK
