"""Authorise requests to an outside system by a connection: the one way in which its secrets are used."""

from core.errors import Unavailable, WalkerError
from integrations.connections import providers, tokens
from integrations.connections.errors import ConnectionFailed, plain_code
from integrations.connections.providers import Authorise, Provider
from integrations.models import ProviderAccount
from integrations.schemes import Call, Headers, Secrets, SecretScheme, TokenScheme, bearer


def authorise(connection: ProviderAccount, method: str, url: str, body: bytes = b"") -> Headers:
    """Return the headers that authorise a request by a connection, as it is now. For our own clients only.

    An outside call where a token has to be renewed, so not inside a transaction. `body` are the bytes that are sent.
    Raises NotFound, Unavailable ("not_connected", "expired") and ConnectionFailed.
    """
    provider = providers.get(connection.provider)
    scheme = provider.scheme.pick(method)
    if isinstance(scheme, TokenScheme):
        return bearer(tokens.access_token(provider, scheme, connection.pk))
    return secret_headers(scheme, tokens.find_usable(connection.pk).credentials, Call(method, url, body))


def refuse(connection: ProviderAccount, method: str, headers: Headers, *, again: bool = False) -> bool:
    """Note that a system didn't accept a request with these headers; True if a second try makes sense.

    A token that can be renewed may have ended early, so it is dropped, and the second try gets another one. After that
    (`again`), and for every other scheme, the connection expires, and those who may manage it get one notice. A
    connection that isn't stored is only tried out. For the runner of calls, outside a transaction.
    """
    if connection._state.adding:
        return False
    try:
        row = tokens.find_usable(connection.pk)
    except WalkerError:  # it was disconnected or expired meanwhile
        return False
    scheme = providers.get(row.provider).scheme.pick(method)
    if isinstance(scheme, TokenScheme):
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if not again and tokens.can_renew(scheme, row.credentials):
            tokens.drop_access_token(row.pk, token)
            return True
        if row.credentials.get("access_token") != token:  # renewed, or connected again, since
            return not again
    tokens.expire(row.pk, ConnectionFailed("refused"), used=row.credentials)
    return False


def secret_headers(scheme: object, kept: Secrets, call: Call) -> Headers:
    """Return the headers of a scheme that needs no token."""
    if not isinstance(scheme, SecretScheme):
        raise TypeError(f"{scheme!r} authorises nothing")
    return scheme.headers(kept, call)


def try_out(provider: Provider, kept: Secrets) -> str:
    """Check credentials that aren't stored, by the provider's check, and return its line (outside calls).

    Raises ConnectionFailed.
    """
    return check(provider, kept, authoriser_of(provider, kept))


def try_stored(provider: Provider, row: ProviderAccount) -> str:
    """Check a connection by the provider's check, and return its line (outside calls). Raises ConnectionFailed.

    A token that the system doesn't accept may have ended early: where it can be renewed, another one is tried. Other
    credentials that it doesn't accept any more expire the connection, as a call over it does.
    """
    used: dict[str, str] = {}

    def authoriser(method: str, url: str, body: bytes = b"") -> Headers:
        used.update(authorise(row, method, url, body))
        return dict(used)

    try:
        return check(provider, row.credentials, authoriser)
    except ConnectionFailed as problem:
        scheme = provider.scheme.pick("GET")
        can_renew = isinstance(scheme, TokenScheme) and tokens.can_renew(scheme, row.credentials)
        if problem.code != "refused" or not can_renew:
            if problem.code == "refused":
                refuse(row, "GET", used, again=True)
            raise
    tokens.drop_access_token(row.pk, used.get("Authorization", "").removeprefix("Bearer "))
    return check(provider, row.credentials, authoriser)


def check(provider: Provider, kept: Secrets, authoriser: Authorise) -> str:
    """Return the line about an account by a provider's check (outside call). Raises ConnectionFailed."""
    try:
        return provider.check(kept, authoriser)[:200]
    except ConnectionFailed:
        raise
    except Unavailable as problem:
        raise ConnectionFailed(plain_code(problem.code)) from None


def authoriser_of(provider: Provider, kept: Secrets) -> Authorise:
    """Return what authorises requests by credentials that aren't stored; a token is asked for once."""
    held = dict(kept)

    def headers(method: str, url: str, body: bytes = b"") -> Headers:
        scheme = provider.scheme.pick(method)
        if not isinstance(scheme, TokenScheme):
            return secret_headers(scheme, held, Call(method, url, body))
        if "access_token" not in held:
            held.update(tokens.with_tokens(held, tokens.ask_again(provider, scheme, held)))
        return bearer(str(held["access_token"]))

    return headers
