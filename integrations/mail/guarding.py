"""A mail sender behind a breaker: a provider that fails again and again is left alone for a moment."""

from abc import abstractmethod
from typing import Final

from core.errors import Unavailable
from core.reliability.circuit_breaker import breaker
from integrations.mail.types import Mail, MailSender, Outcome, Rejected, Taken

PAUSE: Final = 30


class GuardedSender(MailSender):
    """Counts what fails under one name; a mail that is refused for good is the mail's fault and does not count."""

    def __init__(self, name: str) -> None:
        self._breaker = breaker(name)

    def send(self, mail: Mail) -> Outcome:
        """Hand over one mail, or put it off while the breaker is open."""
        try:
            self._breaker.allow()
        except Unavailable as closed:
            return Rejected(closed.code, permanent=False, retry_after=PAUSE, counts=False)
        outcome = self._hand_over(mail)
        if isinstance(outcome, Taken) or (isinstance(outcome, Rejected) and outcome.permanent):
            self._breaker.succeeded()
        else:
            self._breaker.failed()
        return outcome

    @abstractmethod
    def _hand_over(self, mail: Mail) -> Outcome:
        """Speak to the provider, once."""
