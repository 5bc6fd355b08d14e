"""OpenID Connect with an identity provider: what it publishes, and what its tokens prove (outside calls).

Nothing is believed that isn't signed by a key of the issuer, for us, now. Not to be called inside a transaction.
"""

import base64
import re
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import constant_time_compare
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.types import Options
from redis import RedisError

from accounts.models import IdentityProvider
from core.clock import now as clock_now
from core.errors import Refused
from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Sent, url_problem
from core.observability.logging import get_logger
from core.privacy.encryption import digest_of_secret
from core.reliability import loose_cache
from core.tenancy.scope import current_tenant_or_none
from core.text.clean import can_be_stored

log = get_logger(__name__)
PATIENCE: Final = Patience(connect=3.0, read=5.0, total=8.0, max_bytes=500_000)
KEPT: Final = 3600.0
ASK_AGAIN_EVERY: Final = 10
"""Seconds in which a key that isn't known makes us read the issuer's keys again once, and one that is away is left."""
LEEWAY: Final = timedelta(seconds=60)
"""The difference between clocks that is allowed."""
FRESH: Final = timedelta(minutes=5)
"""How old a logout token may be."""
KINDS: Final = {"RSA": "RS256", "EC": "ES256"}
"""The algorithm of each kind of key; a token with any other is refused, and one with another kind's as well."""
PUBLIC: Final = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
"""What makes a public key of each kind. Nothing else is read: a private half would have its primes searched for."""
BITS: Final = 2048
TENANT: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KEY_LIMIT: Final = 1400
"""The characters of a key's longest number, which is enough for 8,192 bits."""
URL_LIMIT: Final = 2000
TOKEN_LIMIT: Final = 64_000
SUBJECT_LIMIT: Final = 255
LOGOUT: Final = "http://schemas.openid.net/event/backchannel-logout"
WORDS: Final = {
    "provider_away": "Your company's sign-in can't be reached at the moment. Try again in a few minutes.",
    "provider_wrong": "Your company's sign-in isn't set up correctly. Tell an owner of your organisation.",
    "provider_refused": "Your company's sign-in didn't let you in. Ask the people who manage it.",
    "code_refused": "Your company's sign-in refused its own code, perhaps because it was used before. Start again.",
    "token_wrong": "The answer of your company's sign-in isn't valid. Start again, and tell an owner if it goes on.",
    "trip_over": "This sign-in took too long, was used before, or was started in another browser. Start again.",
    "no_provider": "There is no company sign-in under this name. Check the name, or sign in with your password.",
    "unknown_person": (
        "Your organisation hasn't let you in yet. Ask an owner to invite you. If you have a password here, sign in "
        "with it once and connect your company sign-in in your profile."
    ),
    "address_taken": (
        "Somebody here has your email address. If that's you, sign in with your password once and connect your company "
        "sign-in in your profile. If you can't, ask an owner to remove that person and to invite you again."
    ),
    "no_address": "Your company's sign-in doesn't say your email address. Tell an owner of your organisation.",
    "no_membership": "You are no longer a member of this organisation. Ask an owner to invite you again.",
    "connected_elsewhere": (
        "This company account is connected to somebody else here, or you are connected to another company account."
    ),
    "limit_reached": (
        "There is no place for you yet. Your organisation has as many members as it may have. Ask an owner to make one."
    ),
    "not_confirmed": "Your company's sign-in didn't ask who you are again. Start again, and sign in there.",
}


class SignInFailed(Refused, code="sign_in_failed"):
    """Signing in at the company didn't complete; `why` says more to owners, and nothing about a person."""

    def __init__(self, code: str, why: str = "") -> None:
        super().__init__(WORDS[code], code=code)
        self.why = why


@dataclass(frozen=True, slots=True)
class Client:
    """Walker as an app at a provider: where that is, and what it is known by there."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    template: str = ""
    """What the issuer calls itself where it speaks for many, with `{tenantid}` for the one in a token's `tid`."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a provider publishes about itself."""

    authorize: str
    token: str
    keys: str
    userinfo: str
    posts_secret: bool
    names_issuer: bool


def client_of(provider: IdentityProvider) -> Client:
    """Return an organisation as the client of its provider."""
    return Client(provider.issuer, provider.client_id, provider.client_secret)


def read_endpoints(issuer: str, *, template: str = "", is_fresh: bool = False) -> Endpoints:
    """Return a provider's endpoints, up to an hour old unless they have to be fresh. Raises `SignInFailed`."""
    key = _cache_key("endpoints", issuer)
    kept = None if is_fresh else loose_cache.find(key, what="endpoints")
    if kept is not None:
        return Endpoints(**kept)
    away = _cache_key("away", issuer)
    if not is_fresh and loose_cache.find(away, what="away"):
        raise SignInFailed("provider_away", "It didn't answer a moment ago.")
    try:
        said = read_json("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    except SignInFailed as problem:
        if problem.code == "provider_away":  # so that those who come meanwhile don't wait for it, too
            loose_cache.keep(away, True, seconds=ASK_AGAIN_EVERY, what="away")
        raise
    if said.get("issuer") != (template or issuer):
        raise SignInFailed("provider_wrong", "It calls itself by another issuer.")
    ways = said.get("token_endpoint_auth_methods_supported")
    found = Endpoints(
        authorize=_checked_url(said.get("authorization_endpoint")),
        token=_checked_url(said.get("token_endpoint")),
        keys=_checked_url(said.get("jwks_uri")),
        userinfo=_checked_url(said["userinfo_endpoint"]) if said.get("userinfo_endpoint") else "",
        posts_secret=isinstance(ways, list) and "client_secret_basic" not in ways and "client_secret_post" in ways,
        names_issuer=said.get("authorization_response_iss_parameter_supported") is True,
    )
    loose_cache.keep(key, asdict(found), seconds=KEPT, what="endpoints")
    return found


def redeem(client: Client, *, code: str, verifier: str, callback: str) -> tuple[str, str]:
    """Return the ID token and the access token, which may be "", for a code. Raises `SignInFailed`."""
    endpoints = read_endpoints(client.issuer, template=client.template)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback,
        "code_verifier": verifier,
    }
    headers = {}
    if endpoints.posts_secret:
        form |= {"client_id": client.client_id, "client_secret": client.client_secret}
    else:
        pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
        headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    said = read_json("POST", endpoints.token, refusal="code_refused", form=form, headers=headers)
    token, access = said.get("id_token"), said.get("access_token")
    if not isinstance(token, str) or len(token) > TOKEN_LIMIT:
        raise SignInFailed("token_wrong", "It sent no ID token.")
    return token, access if isinstance(access, str) and access.isascii() and access.isprintable() else ""


def read_id_token(client: Client, token: str, *, nonce: str, begun: datetime) -> dict[str, Any]:
    """Return the claims of an ID token that was made for this sign-in. Raises `SignInFailed`."""
    claims = _claims_of(client, token, ["iss", "aud", "sub", "exp", "iat", "nonce"])
    if not isinstance(claims["nonce"], str) or not constant_time_compare(claims["nonce"], nonce):
        raise SignInFailed("token_wrong", "The nonce is another one.")
    audiences, party = claims["aud"], claims.get("azp")
    if party != client.client_id and (party is not None or (isinstance(audiences, list) and len(audiences) > 1)):
        raise SignInFailed("token_wrong", "It was made for another client (azp).")
    if not 0 < len(claims["sub"]) <= SUBJECT_LIMIT:
        raise SignInFailed("token_wrong", "The subject is empty or too long.")
    if claims["iat"] < (begun - LEEWAY).timestamp():
        raise SignInFailed("token_wrong", "It is older than this sign-in (iat).")
    return claims


def read_userinfo(client: Client, access: str, subject: str) -> dict[str, Any]:
    """Return what the provider tells besides the ID token, {} where it offers nothing. Raises `SignInFailed`."""
    endpoints = read_endpoints(client.issuer, template=client.template)
    if not endpoints.userinfo or not access:
        return {}
    said = read_json("GET", endpoints.userinfo, headers={"Authorization": f"Bearer {access}"})
    if said.get("sub") != subject:
        raise SignInFailed("token_wrong", "It tells about another person (userinfo).")
    return said


def read_logout_token(client: Client, token: str) -> dict[str, Any]:
    """Return the claims of a logout token (OpenID Connect Back-Channel Logout 1.0). Raises `SignInFailed`."""
    claims = _claims_of(client, token, ["iss", "aud", "iat", "jti", "events"])
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT), dict) or "nonce" in claims:
        raise SignInFailed("token_wrong", "It is no logout token.")
    if not any(isinstance(claims.get(name), str) and claims[name] for name in ("sub", "sid")):
        raise SignInFailed("token_wrong", "It names neither a person nor a session.")
    if claims["iat"] < (clock_now() - FRESH - LEEWAY).timestamp():
        raise SignInFailed("token_wrong", "It is too old (iat).")
    return claims


def _claims_of(client: Client, token: str, required: list[str]) -> dict[str, Any]:
    """Return the claims of a token whose signature, issuer, audience and times are right. Raises `SignInFailed`."""
    options: Options = {"require": required}
    try:
        header = jwt.get_unverified_header(token)
        issuer = issuer_of(client, token)
        issuers = {issuer, client.template} if client.template else None
        url = read_endpoints(client.issuer, template=client.template).keys
        key, algorithm = key_for(url, header, issuers=issuers)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=client.client_id,
            leeway=LEEWAY,
            options=options,
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as problem:
        # The kind of failure alone: its text can hold what the token says.
        raise SignInFailed("token_wrong", type(problem).__name__) from None
    if not isinstance(claims["iat"], int | float) or not can_be_stored(claims):
        raise SignInFailed("token_wrong", "It holds what can't be stored.")
    return claims


def issuer_of(client: Client, token: str) -> str:
    """Return who has to have signed a token; of many, the one in its `tid`, which is in what was signed."""
    if not client.template:
        return client.issuer
    tenant = jwt.decode(token, options={"verify_signature": False}).get("tid")
    if not isinstance(tenant, str) or not TENANT.fullmatch(tenant):
        raise jwt.InvalidIssuerError
    return client.template.replace("{tenantid}", tenant)


def key_for(url: str, header: dict[str, Any], *, issuers: set[str] | None = None) -> tuple[Any, str]:
    """Return the issuer's key for a token, and its algorithm; keys are read again, once, for one that isn't known.

    Where many publish their keys together, only one that is of these `issuers`.
    """
    for is_fresh in (False, True):
        if is_fresh and not is_first("asked", url, seconds=ASK_AGAIN_EVERY):
            break
        keys = read_keys(url, is_fresh=is_fresh)
        for found in keys:
            if issuers is not None and found.get("issuer", "") not in {"", *issuers}:
                continue
            kind = KINDS.get(str(found.get("kty")))
            if kind is None or kind != header.get("alg") or found.get("alg", kind) != kind:
                continue
            is_named = found.get("kid") == header.get("kid") or ("kid" not in header and len(keys) == 1)
            if is_named and found.get("use", "sig") == "sig":
                return public_key(found), kind
    raise jwt.InvalidKeyError


def public_key(found: dict[str, Any]) -> Any:
    """Return a public key that is long enough, and no longer than is of use; raises what PyJWT raises for any other."""
    parts = {name: found.get(name) for name in PUBLIC[found["kty"]]}
    if not all(isinstance(part, str) and len(part) <= KEY_LIMIT for part in parts.values()):
        raise jwt.InvalidKeyError
    key = RSAAlgorithm.from_jwk(parts) if found["kty"] == "RSA" else ECAlgorithm.from_jwk(parts)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise jwt.InvalidKeyError


def read_keys(url: str, *, is_fresh: bool) -> list[dict[str, Any]]:
    """Return the keys that an issuer publishes, up to an hour old unless they have to be fresh."""
    cache_key = _cache_key("keys", url)
    kept = None if is_fresh else loose_cache.find(cache_key, what="keys")
    if kept is None:
        keys = read_json("GET", url).get("keys")
        if not isinstance(keys, list):
            raise SignInFailed("provider_wrong", "It publishes no keys.")
        kept = [one for one in keys if isinstance(one, dict)]
        loose_cache.keep(cache_key, kept, seconds=KEPT, what="keys")
    found: list[dict[str, Any]] = kept
    return found


def is_first(what: str, of: str, *, seconds: float) -> bool:
    """Return True to the first who asks in some seconds; True as well while Redis is away."""
    try:
        return bool(cache.add(_cache_key(what, of), 1, timeout=seconds))
    except RedisError:
        log.warning("company_not_counted", what=what)
        return True


def read_json(method: str, url: str, *, refusal: str = "provider_wrong", **sent: Any) -> dict[str, Any]:
    """Return the JSON object that a provider answers; `refusal` is the code for another answer than 200."""
    headers = {"Accept": "application/json", **sent.pop("headers", {})}
    with closing(
        OutgoingHttp(url, patience=PATIENCE, private_hosts=settings.IDENTITY_HOSTS, provider="sign_in")
    ) as http:
        given: Sent = {"headers": headers, **sent}  # type: ignore[typeddict-item]  # one of its fields
        reply = http.request(method, url, **given)
    if isinstance(reply, NotSent | NoAnswer):
        is_ours = reply.code in ("bad_url", "egress_refused", "answer_too_large", "answer_packed")
        raise SignInFailed("provider_wrong" if is_ours else "provider_away", reply.detail)
    if reply.status >= 500 or reply.status == 429:
        raise SignInFailed("provider_away", f"It answered {reply.status}.")
    said = reply.json()
    if reply.status != 200 or not isinstance(said, dict) or not can_be_stored(said):
        raise SignInFailed(refusal, f"It answered {reply.status}{'' if isinstance(said, dict) else ', without JSON'}.")
    return said


def _checked_url(value: Any) -> str:
    if not isinstance(value, str) or address_problem(value):
        raise SignInFailed("provider_wrong", "It names an address that can't be called.")
    return value


def address_problem(url: str) -> str:
    """Return why a provider's address can't be called, or ""; whether its host is public is checked at each call."""
    return url_problem(url, "https://login.example.com", limit=URL_LIMIT, own_hosts=settings.IDENTITY_HOSTS)


def _cache_key(what: str, of: str) -> str:
    tenant_id = current_tenant_or_none()
    return f"{tenant_id.hex if tenant_id else 'installation'}:company-{what}:{digest_of_secret(of)}"
