"""Try out a company's own app: a test webhook, and a customer's token."""

from typing import Any, ClassVar
from uuid import UUID

import jwt

from channels_app.kit import diagnosis
from channels_app.kit.diagnosis import Sample, Trial
from channels_app.own_app import manage
from channels_app.web_chat import app_customers
from channels_app.web_chat.app_customers import App, BadCustomerToken
from channels_app.web_chat.settings import widgets
from conversations.models import ChannelAccount
from core.actors import Actor
from core.clock import now
from core.errors import Unavailable


class AppDiagnosis(diagnosis.Diagnosis):
    """Tests of an app's webhook address and of its customers' tokens."""

    refused = (
        "A message with a wrong key or token arrived in the last 24 hours. Check that your app signs with the current "
        "token secret, and that its API key belongs to this organisation."
    )
    proof: ClassVar[str] = "customer's token"
    takes_body: ClassVar[bool] = False
    takes_recipient: ClassVar[bool] = False

    def send_test(self, *, actor: Actor, account_id: UUID, to: str) -> str:
        manage.send_test(actor=actor, account_id=account_id)
        return "Test webhook queued. Reload this page in a moment to see in the log what your server answered."

    def check_sample(self, account: ChannelAccount, sample: Sample) -> Trial:
        """Verify a token as the app's door does; the first fault is named."""
        secrets = tuple(widgets.token_secrets(account.credentials, now()))
        app = App(account.tenant_id, account.pk, account.public_key, secrets=secrets)
        try:
            claims = app_customers.verify(sample.signature, app=app, now=now())
        except Unavailable as problem:
            return Trial(False, str(problem))
        except BadCustomerToken:
            return Trial(False, _fault_of(sample.signature, app))
        return Trial(True, f"The token is valid until {claims.expires_at:%H:%M} UTC: Walker accepts its messages.")


def _fault_of(token: str, app: App) -> str:
    """Return why a token isn't valid, in words."""
    options: Any = {"verify_signature": False}
    try:
        header, claims = jwt.get_unverified_header(token), jwt.decode(token, options=options)
    except (jwt.PyJWTError, ValueError, RecursionError):
        return "This isn't a JWT. Paste the whole token, without “Bearer”."
    if header.get("alg") != "HS256":
        return "The token is signed with another algorithm. Use HS256."
    if not any(_is_signed_by(token, secret) for secret in app.secrets):
        return "None of this app's token secrets signed this token. Check the secret your server signs with."
    if claims.get("aud") != app.key:
        return f"The token is for another app: “aud” has to be {app.key}."
    if not app_customers.checked_customer(claims.get("sub")):
        return (
            f"“sub” has to be your id of the customer, 1 to {app_customers.CUSTOMER_LIMIT} printable ASCII characters."
        )
    exp = claims.get("exp")
    if isinstance(exp, int | float) and exp <= now().timestamp():
        return "The token has expired. Sign a new one."
    if "iat" not in claims:
        return "The token doesn't say when it was signed. Add “iat”, in Unix seconds: a token counts for one hour."
    return "“exp” has to be Unix seconds, at most one hour ahead and after “iat”; “iat” and “nbf” have to be past."


def _is_signed_by(token: str, secret: str) -> bool:
    options: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        jwt.decode(token, secret, algorithms=["HS256"], options=options)
    except jwt.PyJWTError:
        return False
    return True
