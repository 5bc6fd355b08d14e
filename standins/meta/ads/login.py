"""Meta's login: the dialog, codes, tokens and permissions.

Addresses and answers are those of Meta's guides "Manually Build a Login Flow", "OIDC Code Flow with PKCE" and
"Long-Lived Access Tokens". There are no refresh tokens: a short token (some two hours) is exchanged for a long one
(5,183,944 seconds in Meta's sample), which is exchanged for a fresh one while it counts. Subcodes of used and old codes
(36009, 36007), wrong addresses (36008), ended tokens (463) and withdrawn consent (458) are known from reports of users.
"""

import hashlib
import hmac

from standins.ads import AdsStore
from standins.consent import ConsentPage, ConsentRefused, Token
from standins.errors import ApiError
from standins.meta.ads.errors import graph_error, invalid_parameter
from standins.store import Document

SHORT_LIFE = 7200
LONG_LIFE = 5183944
REFUSALS = {
    "unknown": (0, "Invalid verification code format."),
    "used": (36009, "This authorization code has been used."),
    "old": (36007, "This authorization code has expired."),
    "redirect": (36008, "Error validating verification code. Please make sure your redirect_uri is identical to the "
                 "one you used in the OAuth dialog request"),
    "verifier": (0, "The code_verifier does not match the code_challenge."),
}  # fmt: skip


class Login:
    """Tokens of the app and their permissions."""

    def __init__(self, store: AdsStore, page: ConsentPage) -> None:
        self.store = store
        self.page = page

    def give_token(self, params: Document) -> Document:
        """Answer `oauth/access_token`: for a code, or for a token that is to live longer."""
        if not self.page.app.is_proven(params.get("client_id"), params.get("client_secret")):
            raise graph_error(1, "Error validating client secret.")
        if params.get("grant_type") == "fb_exchange_token":
            found = self.require(str(params.get("fb_exchange_token", "")))
            return self._issue(found.consent, "long", LONG_LIFE)
        if not params.get("code"):
            raise invalid_parameter("Missing authorization code")
        names = ("code", "redirect_uri", "code_verifier")
        try:
            consent = self.store.redeem(*(str(params.get(name, "")) for name in names))
        except ConsentRefused as refused:
            subcode, words = REFUSALS[refused.reason]
            raise invalid_parameter(words, subcode=subcode) from None
        return self._issue(consent.number, "short", SHORT_LIFE)

    def _issue(self, consent: int, kind: str, seconds: int) -> Document:
        token = self.store.issue(consent, kind, seconds)
        return {"access_token": token, "token_type": "bearer", "expires_in": seconds}

    def require(self, token: str, proof: str = "") -> Token:
        """Return a token that counts; raises an error with code 190, or 100 for a wrong proof of the app's secret."""
        found = self.store.find_token(token)
        if found is None:
            raise graph_error(190, "Invalid OAuth access token - Cannot parse access token")
        if found.is_withdrawn:
            words = "Error validating access token: The user has not authorized application."
            raise graph_error(190, words, subcode=458)
        if found.has_ended:
            raise graph_error(190, "Error validating access token: Session has expired", subcode=463)
        wanted = hmac.new(self.page.app.secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        if proof and not hmac.compare_digest(proof.encode(), wanted.encode()):
            raise graph_error(100, "Invalid appsecret_proof provided in the API argument")
        return found

    def require_scope(self, token: Token, *scopes: str) -> None:
        """Refuse a token whose person didn't allow one of the scopes, or took it back."""
        if not set(scopes) & set(token.scopes):
            words = f"(#200) Ad account owner has NOT grant {' or '.join(scopes)} permission"
            raise graph_error(200, words, status=403)

    def permissions(self, token: Token) -> Document:
        """Return which scopes are granted and which were declined."""
        rows = [
            {"permission": scope, "status": "granted" if scope in token.scopes else "declined"}
            for scope in self.page.scopes
        ]
        return {"data": rows}

    def describe(self, token: str) -> Document:
        """Return what Meta says about a token to its app."""
        found = self.store.find_token(token)
        if found is None:
            return {"data": {"is_valid": False, "scopes": []}}
        is_valid, reason = True, {}
        try:
            self.require(token)
        except ApiError as error:
            is_valid, reason = False, {"error": error.body["error"]}
        facts: Document = {"app_id": self.page.app.client_id, "type": "USER", "application": self.page.app.name}
        facts |= {"expires_at": int(found.ends), "is_valid": is_valid, "scopes": list(found.scopes)}
        return {"data": {**facts, "user_id": found.person, **reason}}
