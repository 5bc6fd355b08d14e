"""Mail for development: it is written to the terminal and goes nowhere."""

import sys
from typing import ClassVar

from integrations.mail.mime import message_id_of, message_of
from integrations.mail.types import Mail, MailSender, Outcome, Taken


class TerminalSender(MailSender):
    """Shows mail to whoever started the worker."""

    provider: ClassVar[str] = "console"

    def send(self, mail: Mail) -> Outcome:
        """Write the whole mail to standard output."""
        sys.stdout.write(f"{'-' * 72}\n{message_of(mail).as_string()}\n{'-' * 72}\n")
        sys.stdout.flush()
        return Taken(message_id_of(mail))
