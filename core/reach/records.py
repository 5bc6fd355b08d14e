"""Delete what is kept about an address besides the ledger, when its owner is erased."""

from collections.abc import Iterable

from core.models import ReplyWindow, SendCount


def erase(indexes: Iterable[str]) -> None:
    """Delete the windows and numbers of addresses; the ledger stays, so that nobody writes to them again."""
    wanted = list(indexes)
    ReplyWindow.objects.filter(address_index__in=wanted).delete()
    SendCount.objects.filter(address_index__in=wanted).delete()
