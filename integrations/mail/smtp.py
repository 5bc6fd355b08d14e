"""Mail by SMTP, with time-outs and checked certificates; before the last dot a failure proves that nothing left."""

import smtplib
import ssl
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Final

from integrations.mail.guarding import GuardedSender
from integrations.mail.mime import message_id_of, message_of
from integrations.mail.types import Mail, Outcome, Rejected, Taken, Unknown

SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over, and how the line is protected."""

    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    tls: bool = False
    ssl: bool = False


class _Stop(Exception):
    """The server does not have the mail, for sure."""

    def __init__(self, outcome: Rejected) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


class SmtpSender(GuardedSender):
    """One SMTP server that the operator named."""

    provider: ClassVar[str] = "smtp"

    def __init__(self, server: SmtpServer, *, context: ssl.SSLContext | None = None) -> None:
        super().__init__(f"smtp:{server.host}")
        self._server, self._certificates = server, context or _certificates()

    def _hand_over(self, mail: Mail) -> Outcome:
        try:
            with closing(self._connect()) as line:
                self._greet(line, mail)
                return self._data(line, mail)
        except _Stop as stop:
            return stop.outcome
        except ssl.SSLError:
            return Rejected("bad_certificate", permanent=False)
        except smtplib.SMTPAuthenticationError as refusal:
            return Rejected(str(refusal.smtp_code), permanent=refusal.smtp_code >= 500)
        except (smtplib.SMTPException, OSError):
            # Nothing was handed over yet: the data has its own answer below.
            return Rejected("not_reachable", permanent=False)

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.ssl:
            return smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=self._certificates)
        return smtplib.SMTP(server.host, server.port, timeout=SECONDS)

    def _greet(self, line: smtplib.SMTP, mail: Mail) -> None:
        if self._server.tls:
            line.starttls(context=self._certificates)
        if self._server.user:
            line.login(self._server.user, self._server.password)
        line.ehlo_or_helo_if_needed()
        _must(line.mail(mail.sender.address))
        _must(line.rcpt(mail.recipient))

    def _data(self, line: smtplib.SMTP, mail: Mail) -> Outcome:
        """After the last dot only the server's answer tells whether it has the mail."""
        try:
            code, _ = line.data(bytes(message_of(mail)))
        except smtplib.SMTPDataError as refusal:
            return _rejected(refusal.smtp_code)
        except (smtplib.SMTPException, OSError) as lost:
            return Unknown("timed_out" if isinstance(lost, TimeoutError) else "connection_lost")
        return Taken(message_id_of(mail)) if code == 250 else _rejected(code)


def _must(answer: tuple[int, Any]) -> None:
    if answer[0] not in (250, 251):
        raise _Stop(_rejected(answer[0]))


def _rejected(code: int) -> Rejected:
    return Rejected(f"smtp_{code}", permanent=code >= 500)
