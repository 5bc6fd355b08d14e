"""A mail sender behind a circuit breaker: a provider that keeps failing is paused."""

from abc import abstractmethod
from typing import Final

from core.errors import Unavailable
from core.reliability.circuit_breaker import breaker
from integrations.mail.types import Accepted, Mail, MailOutcome, MailSender, Rejected

PAUSE: Final = 30


class GuardedSender(MailSender):
    """Counts failures under one name; a permanent rejection is the mail's fault and doesn't count."""

    def __init__(self, name: str) -> None:
        self._breaker = breaker(name)

    def send(self, mail: Mail) -> MailOutcome:
        """Send one mail, or postpone it while the breaker is open."""
        try:
            self._breaker.allow()
        except Unavailable as closed:
            return Rejected(closed.code, permanent=False, retry_after=PAUSE, counts=False)
        outcome = self._hand_over(mail)
        if isinstance(outcome, Accepted) or (isinstance(outcome, Rejected) and outcome.permanent):
            self._breaker.succeeded()
        else:
            self._breaker.failed()
        return outcome

    @abstractmethod
    def _hand_over(self, mail: Mail) -> MailOutcome:
        """Call the provider once."""
