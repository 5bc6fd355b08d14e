"""Why entries did not reach a security system: codes, and a sentence for each that says what to do."""

from typing import Final

WORDS: Final = {
    "certificate": "Its certificate couldn't be verified. Check its host name, when it ends, and the CA you entered.",
    "chain_changed": "The entry after the last one sent is missing or was changed. Verify the audit log.",
    "failed": "Something went wrong in Walker. If it goes on, tell your operator.",
    "not_confirmed": "The connection ended before everything had arrived. The entries are sent again.",
    "not_reachable": "It can't be reached. Check the address, that it runs, and its certificate.",
    "private_address": "This host has no public address. The operator can allow it in SIEM_HOSTS.",
    "timed_out": "It took too long to take the entries. They are sent again.",
}


class SendFailed(Exception):
    """Not everything is known to have arrived: the code says why, `wait` for how many seconds it asks to be left."""

    def __init__(self, code: str, wait: int | None = None) -> None:
        super().__init__(code)
        self.code, self.wait = code, wait


def describe(code: str) -> str:
    """Return the sentence for a code, "" for none; `http_` is followed by the status of an answer."""
    status = code.removeprefix("http_")
    if code in WORDS or status == code:
        return WORDS.get(code, "")
    if status in ("401", "403"):
        return f"It refused the token ({status}). Edit the destination and enter a current one."
    if status.startswith("3"):
        return f"It answered with a redirect ({status}). Walker follows none: enter the final address."
    return f"It answered {status}. Check its log."
