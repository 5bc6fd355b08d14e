"""Google's OAuth 2: codes, access tokens of an hour, refresh tokens, and taking a consent back.

Addresses and answers are those of "Using OAuth 2.0 for Web Server Applications". A refresh token is given with
`access_type=offline` only. Here each use of a refresh token gives the next one, and an old one that is used again ends
all of its family, as OAuth 2.1 wants it; Google itself keeps the first one, which `keeps_refresh_tokens` brings back.
"""

import time

from standins.ads import AdsStore
from standins.consent import Consent, ConsentPage, ConsentRefused, Token
from standins.errors import ApiError
from standins.google_ads.errors import Fault, Refused, status_body
from standins.google_ads.seed import SCOPE
from standins.store import Document

ACCESS_LIFE = 3599
REFRESH_LIFE = 180 * 86400


def token_error(error: str, words: str, status: int = 400) -> ApiError:
    """Return an error of the token endpoint."""
    found = ApiError(status, error, words)
    found.body = {"error": error, "error_description": words}
    return found


class Login:
    """Tokens of the app."""

    def __init__(self, store: AdsStore, page: ConsentPage) -> None:
        self.store = store
        self.page = page

    def give_tokens(self, form: Document, *, is_rotating: bool) -> Document:
        """Answer the token endpoint."""
        if not self.page.app.is_proven(form.get("client_id"), form.get("client_secret")):
            raise token_error("invalid_client", "Unauthorized", 401)
        if form.get("grant_type") == "refresh_token":
            return self._renew(str(form.get("refresh_token", "")), is_rotating=is_rotating)
        if form.get("grant_type") != "authorization_code":
            raise token_error("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type')}")
        try:
            consent = self.store.redeem(
                *(str(form.get(name, "")) for name in ("code", "redirect_uri", "code_verifier"))
            )
        except ConsentRefused as refused:
            if refused.reason == "redirect":
                raise token_error("redirect_uri_mismatch", "Bad Request") from None
            words = "Invalid code verifier." if refused.reason == "verifier" else "Malformed auth code."
            raise token_error("invalid_grant", words if refused.reason != "used" else "Bad Request") from None
        return self._issue(consent)

    def _renew(self, refresh: str, *, is_rotating: bool) -> Document:
        found = self.store.find_token(refresh)
        is_good = found is not None and found.kind == "refresh" and not (found.is_withdrawn or found.has_ended)
        try:
            if is_rotating:
                found, is_good = self.store.rotate(refresh), True
        except ConsentRefused:
            is_good = False
        if found is None or not is_good:
            raise token_error("invalid_grant", "Token has been expired or revoked.")
        return self._issue(Consent(found.consent, is_rotating))

    def _issue(self, consent: Consent) -> Document:
        access = self.store.issue(consent.number, "access", ACCESS_LIFE)
        found = self.store.find_token(access)
        scopes = " ".join(found.scopes) if found else ""
        given = {"access_token": access, "expires_in": ACCESS_LIFE, "scope": scopes, "token_type": "Bearer"}
        if consent.is_offline:
            given["refresh_token"] = self.store.issue(consent.number, "refresh", REFRESH_LIFE)
        return given

    def revoke(self, token: str) -> Document:
        """Take back the consent of a token."""
        found = self.store.find_token(token)
        if found is None or found.is_withdrawn:
            raise token_error("invalid_token", "Token expired or revoked")
        self.store.withdraw(found.person)
        return {}

    def require(self, token: str) -> Token:
        """Return an access token that counts and may use Google Ads; raises an error with status 401 or 403."""
        found = self.store.find_token(token)
        name = ""
        if found is None or found.kind != "access":
            name = "OAUTH_TOKEN_INVALID"
        elif found.is_withdrawn:
            name = "OAUTH_TOKEN_REVOKED"
        elif found.ends <= time.time():
            name = "OAUTH_TOKEN_EXPIRED"
        if found is None or name:
            raise Refused(401, Fault("authenticationError", name, "The OAuth token in the header isn't valid."))
        if SCOPE not in found.scopes:
            error = ApiError(403, "PERMISSION_DENIED", "")
            facts = {"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "domain": "googleapis.com"}
            details: list[Document] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", **facts}]
            error.body = status_body(403, details, "Request had insufficient authentication scopes.")
            raise error
        return found
