"""Recorded calls of the vendors' own clients: ours sends the same, and reads the same answers rightly."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest

from channels_app.twilio.normalise import message_of, report_of, sender_of
from core.ids import uuid7
from integrations.mail.providers.sendgrid import SendGridSender, body_of
from integrations.mail.types import Accepted, Mail, Mailbox, Rejected
from integrations.outcomes import Failed, Sent
from integrations.twilio.client import TwilioClient
from integrations.twilio.types import ListedMessage
from tests.recordings import form_of, json_of, load, names

ACCOUNT, TOKEN = "AC00000000000000000000000000000000", "twilio_test_auth_token"
TWILIO = [*names("twilio/emulate"), *names("twilio/prism")]
MAILS = names("sendgrid/prism")
CALLS = {name: load(name) for name in [*TWILIO, *MAILS]}


def _about(name: str) -> str:
    request = CALLS[name]["request"]
    path = request["path"].partition("?")[0]
    if "/simulate/" in path:
        return str(path.rpartition("/")[2])
    if path.endswith("/Messages.json"):
        return "create" if request["method"] == "POST" else "list"
    return "resource"


KINDS = {name: _about(name) for name in TWILIO}


def of_kind(kind: str) -> list[str]:
    return [name for name in TWILIO if KINDS[name] == kind]


class Replayer(ThreadingHTTPServer):
    """Answers every request as recorded, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.status, self.answer = 200, b""
        self.asked: list[tuple[str, bytes]] = []

    def play(self, status: int, answer: Any) -> None:
        """Answer this from now on."""
        self.status, self.answer = status, b"" if answer is None else json.dumps(answer).encode()


class _Handler(BaseHTTPRequestHandler):
    server: Replayer

    def do_GET(self) -> None:
        """Answer as recorded."""
        self.do_POST()

    def do_POST(self) -> None:
        """Answer as recorded."""
        self.server.asked.append((self.path, self.rfile.read(int(self.headers.get("Content-Length", 0)))))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def replayer() -> Iterator[Replayer]:
    """One server for all recordings."""
    server = Replayer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def client(replayer: Replayer) -> TwilioClient:
    # An account of its own: no breaker remembers the recording before.
    return TwilioClient(f"AC{uuid4().hex}", TOKEN, base_url=replayer.url)


def send(replayer: Replayer, form: dict[str, str]) -> Any:
    """Send what the form says, by the calls that our client has."""
    facts = {"sender": form.get("From", ""), "to": form["To"], "callback": form.get("StatusCallback", "")}
    if "ContentSid" in form:
        variables = json.loads(form["ContentVariables"])
        return client(replayer).send_template(template_sid=form["ContentSid"], variables=variables, **facts)
    return client(replayer).send_text(body=form.get("Body", ""), **facts)


@pytest.mark.parametrize("name", of_kind("create"))
def test_recorded_answer_to_a_message_is_read_rightly(replayer: Replayer, name: str) -> None:
    answer = CALLS[name]["response"]
    replayer.play(answer["status"], json_of(answer))
    outcome = send(replayer, form_of(CALLS[name]["request"]))
    if answer["status"] == 201:
        assert outcome == Sent(json_of(answer)["sid"])
    else:
        assert outcome == Failed(str(json_of(answer).get("code") or answer["status"]), permanent=True)


# Texts and templates; files, services and plans are not sent by Walker.
OURS = [name for name in of_kind("create") if set(form_of(CALLS[name]["request"])) >= {"From", "StatusCallback"}]


@pytest.mark.parametrize("name", OURS)
def test_form_of_a_message_is_that_of_the_vendor_s_client(replayer: Replayer, name: str) -> None:
    recorded = form_of(CALLS[name]["request"])
    replayer.play(201, json_of(CALLS[name]["response"]))
    send(replayer, recorded)
    sent = dict(parse_qsl(replayer.asked[-1][1].decode(), keep_blank_values=True))
    assert sent == recorded


def test_recordings_hold_both_a_text_and_a_template_of_ours() -> None:
    assert len(OURS) == 4


@pytest.mark.parametrize("name", of_kind("list"))
def test_recorded_list_is_read(replayer: Replayer, name: str) -> None:
    page = json_of(CALLS[name]["response"])
    replayer.play(200, {**page, "next_page_uri": None})
    found = client(replayer).list_sent(sender="whatsapp:+14155238886", to="whatsapp:+15005550006")
    assert isinstance(found, list)
    assert [(one.sid, one.body) for one in found] == [(row["sid"], row["body"] or "") for row in page["messages"]]
    assert all(isinstance(one, ListedMessage) and one.created_at for one in found)


@pytest.mark.parametrize("name", of_kind("resource"))
def test_recorded_resource_is_read_as_a_row_of_a_list(replayer: Replayer, name: str) -> None:
    """A message that was fetched or redacted has the form of a row; what is none never becomes one."""
    answer = CALLS[name]["response"]
    row = json_of(answer)
    replayer.play(answer["status"], {"messages": [row], "next_page_uri": None} if "sid" in row else row)
    found = client(replayer).list_sent(sender="whatsapp:+14155238886", to="whatsapp:+15005550006")
    if answer["status"] == 200:
        assert [(one.sid, one.body) for one in found] == [(row["sid"], row.get("body") or "")]  # type: ignore[union-attr]
    else:
        assert found == Failed(str(row["code"]), permanent=True)


MEANT = {"sending": "", "sent": "sent", "delivered": "delivered", "read": "read"}


@pytest.mark.parametrize("name", of_kind("message-status"))
def test_status_word_of_the_recordings_is_understood(name: str) -> None:
    form = form_of(CALLS[name]["request"])
    word = form.get("MessageStatus") or form["Status"]
    report = report_of({**form, "MessageStatus": word})
    assert (report.sid, report.status) == (form["MessageSid"], MEANT.get(word, "failed"))
    assert "ErrorCode" not in form or report.error == "63016"


@pytest.mark.parametrize("name", of_kind("inbound-message"))
def test_message_that_was_sent_in_is_understood(name: str) -> None:
    row = json_of(CALLS[name]["response"])
    fields = {"From": row["from"], "To": row["to"], "Body": row["body"], "MessageSid": row["sid"], "NumMedia": "0"}
    (sender,) = sender_of(fields).identities
    message = message_of(fields, account_id=uuid7(), sender=sender)
    assert (sender.kind, sender.value) == ("phone", "+15550001111")
    assert (message.text, message.external_id) == (form_of(CALLS[name]["request"])["Body"], row["sid"])


@pytest.mark.parametrize("name", MAILS)
def test_recorded_answer_to_a_mail_is_read_rightly(replayer: Replayer, name: str) -> None:
    status = CALLS[name]["response"]["status"]
    replayer.play(status, json_of(CALLS[name]["response"]))
    outcome = SendGridSender(base_url=replayer.url, api_key="SG.fake", account=name).send(_mail())
    assert outcome == (Accepted("") if status == 202 else Rejected(str(status), permanent=True))


def test_mail_has_no_field_that_the_vendor_s_client_does_not_send() -> None:
    taken = [json_of(CALLS[name]["request"]) for name in MAILS if CALLS[name]["response"]["status"] == 202]
    known = {(field, type(value)) for body in taken for field, value in body.items()}
    ours = body_of(_mail())
    assert {(field, type(value)) for field, value in ours.items()} <= known
    assert {one["type"] for one in ours["content"]} <= {
        one["type"] for body in taken for one in body.get("content", [])
    }


def _mail() -> Mail:
    facts = {"subject": "Hello", "text": "T", "html": "<p>H</p>", "reply_to": "reply@acme.example"}
    headers = {"List-Unsubscribe": "<https://acme.example/u>"}
    return Mail(uuid7(), "t", Mailbox("desk@acme.example", "Desk"), "ana@customers.example", headers=headers, **facts)


USED = {*CALLS}
