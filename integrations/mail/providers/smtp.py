"""Send mail over SMTP with checked certificates. A failure before the final dot proves that nothing was sent."""

import re
import smtplib
import ssl
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, ClassVar, Final

from integrations.mail.mime import message_id_of, message_of
from integrations.mail.providers.guarded_sender import GuardedSender
from integrations.mail.types import Accepted, Mail, MailOutcome, Rejected, Unknown

SECONDS: Final = 10.0
# For the content of a mail with files, and still less than the lease of its row.
SECONDS_WITH_FILES: Final = 45.0


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """An SMTP server, its credentials and transport security."""

    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    tls: bool = False
    ssl: bool = False


_DETAIL: Final = re.compile(rb"\b5\.[0-9]{1,3}\.[0-9]{1,3}\b")


class _Stop(Exception):
    """The server certainly does not have the mail."""

    def __init__(self, outcome: Rejected) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


class SmtpSender(GuardedSender):
    """Sends mail through one SMTP server of the operator."""

    provider: ClassVar[str] = "smtp"

    def __init__(self, server: SmtpServer, *, context: ssl.SSLContext | None = None) -> None:
        super().__init__(f"smtp:{server.host}")
        self._server, self._certificates = server, context or _certificates()

    def _hand_over(self, mail: Mail) -> MailOutcome:
        content = bytes(message_of(mail))
        try:
            with closing(self._connect()) as line:
                if self._server.tls:
                    line.starttls(context=self._certificates)
                if self._server.user:
                    line.login(self._server.user, self._server.password)
                line.ehlo_or_helo_if_needed()
                limit = line.esmtp_features.get("size", "")
                if limit.isascii() and limit.isdigit() and 0 < int(limit) < len(content):
                    raise _Stop(Rejected("too_large", permanent=True))
                _require_ok(line.mail(mail.sender.address))
                answer = line.rcpt(mail.recipient)
                if _names_no_mailbox(*answer):
                    raise _Stop(replace(_rejected(answer[0]), is_unreachable=True))
                _require_ok(answer)
                if mail.files and line.sock is not None:
                    line.sock.settimeout(SECONDS_WITH_FILES)
                return self._send_data(line, mail, content)
        except _Stop as stop:
            return stop.outcome
        except ssl.SSLError:
            return Rejected("bad_certificate", permanent=False)
        except smtplib.SMTPAuthenticationError as refusal:
            return Rejected(str(refusal.smtp_code), permanent=refusal.smtp_code >= 500)
        except (smtplib.SMTPException, OSError):
            # Nothing was sent yet: errors after the data are caught in `_send_data`.
            return Rejected("not_reachable", permanent=False)

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.ssl:
            return smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=self._certificates)
        return smtplib.SMTP(server.host, server.port, timeout=SECONDS)

    def _send_data(self, line: smtplib.SMTP, mail: Mail, content: bytes) -> MailOutcome:
        """Send the content; after the final dot only the answer says whether the server has it."""
        try:
            code, _ = line.data(content)
        except smtplib.SMTPDataError as refusal:
            return _rejected(refusal.smtp_code)
        except (smtplib.SMTPException, OSError) as lost:
            return Unknown("timed_out" if isinstance(lost, TimeoutError) else "connection_lost")
        return Accepted(message_id_of(mail)) if code == 250 else _rejected(code)


def _names_no_mailbox(code: int, words: bytes) -> bool:
    """Return True if the server says of a recipient that there is no such mailbox.

    A full mailbox (5.2.2), a policy (5.7.1) or a server that doesn't relay says nothing about the address.
    """
    detail = _DETAIL.search(words[:200])
    return code in (550, 551, 553) and (detail is None or detail[0].startswith((b"5.1.", b"5.2.1")))


def _require_ok(answer: tuple[int, Any]) -> None:
    if answer[0] not in (250, 251):
        raise _Stop(_rejected(answer[0]))


def _rejected(code: int) -> Rejected:
    return Rejected(f"smtp_{code}", permanent=code >= 500)
