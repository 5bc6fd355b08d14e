"""What goes wrong with connections: codes, and a sentence for each that says what to do."""

from typing import Final

from core.errors import Conflict, Unavailable, WalkerError

WORDS: Final = {
    "access_denied": "The access wasn't allowed at the vendor. Connect it again and choose Allow.",
    "answer_packed": "The answer was compressed, although that wasn't accepted. Ask the operator of the system.",
    "answer_too_large": "The answer was larger than allowed. Check the address.",
    "bad_url": "The address isn't valid. Check it.",
    "connection_lost": "The line broke before an answer came. Try again.",
    "consent_ended": "The consent has ended. Reconnect it.",
    "egress_refused": "The address isn't public, so Walker doesn't call it. Check it.",
    "endless_pages": "The account has more ad campaigns than Walker can read.",
    "expired": "This connection has expired. Reconnect it.",
    "failed": "Something went wrong in Walker. If it goes on, tell your operator.",
    "invalid_client": "The system doesn't accept the client id and secret. Reconnect with the current ones.",
    "invalid_grant": "The consent was withdrawn or has ended. Reconnect it.",
    "invalid_scope": "The system doesn't know one of the permissions. Ask your operator to check the app there.",
    "no_key_property": "The system lacks a property that Walker needs. Create it there:",
    "no_accounts": "The person who allowed it has no account there that Walker could use. Try another person.",
    "not_reachable": "The system can't be reached. Check the address, or try again later.",
    "rate_limited": "The system allows no more calls at the moment.",
    "refused": "The system doesn't accept these credentials. Reconnect it.",
    "renewal_busy": "Another worker is renewing the access. Try again in a minute.",
    "scope_missing": "A permission was not allowed or was withdrawn. Reconnect it and allow:",
    "timed_out": "The system took too long to answer. Try again.",
    "token_busy": "The system can't give access at the moment. Try again in a minute.",
    "token_malformed": "The system's answer holds no usable token. Ask its operator.",
    "token_not_json": "The system answered with a page instead of a token. Check the address, or ask its operator.",
    "token_refused": "The system refused to give access. Reconnect it.",
    "unauthorized_client": "The vendor doesn't let this app ask for access. Ask your operator to check the app there.",
}
CONNECTING: Final = {
    "invalid_client": "The system doesn't accept the client id and secret. Check them.",
    "invalid_grant": "The vendor doesn't accept its own answer any more. Connect it again.",
    "refused": "The system doesn't accept these credentials. Check them.",
    "scope_missing": "A permission was not allowed. Connect it again and allow:",
    "token_refused": "The system refused to give access. Check the credentials, or connect it again.",
}
"""What is said instead while somebody connects something: there is nothing to reconnect."""
FINAL: Final = frozenset(
    {"consent_ended", "invalid_client", "invalid_grant", "refused", "scope_missing", "unauthorized_client"}
)
"""What only a person can mend, by reconnecting."""
REFUSALS: Final = FINAL | {"access_denied", "no_accounts", "no_key_property"}


def describe(code: str, about: str = "", *, connecting: bool = False) -> str:
    """Return the sentence for a code, with what it is about; of a connection, or while it is being connected."""
    if not code:
        return ""
    known = WORDS | CONNECTING if connecting else WORDS
    unknown = f"The system didn't answer as expected ({code}). Try again, or check the credentials."
    words = known.get(code) or known.get(plain_code(code), unknown)
    return f"{words} {about}." if about else words


def plain_code(code: str) -> str:
    """Return the code of a failed check without the name of its system; "refused" where the access has ended."""
    plain = max((each for each in WORDS if code == each or code.endswith(f"_{each}")), key=len, default=code)
    return "refused" if plain == "expired" else plain


class ConnectionFailed(Unavailable, code="connection_failed"):
    """The connection can't be used."""

    def __init__(self, code: str, about: str = "") -> None:
        super().__init__(describe(code, about), code=code)
        self.about = about

    @property
    def is_final(self) -> bool:
        """Return True if only a person can mend it."""
        return self.code in FINAL


def for_person(problem: ConnectionFailed) -> WalkerError:
    """Return the error for a person who is connecting something: a refusal is no outage."""
    problem.detail = describe(problem.code, problem.about, connecting=True)
    return Conflict(problem.detail, code=problem.code) if problem.code in REFUSALS else problem
