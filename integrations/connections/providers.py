"""Providers: the outside systems with which an organisation can have connections, as data."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial

from pydantic import BaseModel, ValidationError

from core.errors import Invalid, NotFound
from core.tenancy.scope import current_tenant_id
from integrations import platforms
from integrations.calls import operations
from integrations.calls.operations import Line
from integrations.models import ProviderAccount
from integrations.ports import Platform
from integrations.schemes import Consent, Headers, Scheme, Secrets

Authorise = Callable[[str, str, bytes], Headers]
"""Returns the headers that authorise a request of a method, an address and a body."""


@dataclass(frozen=True, slots=True)
class VendorAccount:
    """An account at the vendor that a person's consent reaches, such as an advertising account."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Provider:
    """An outside system and how connections with it work.

    `credentials` is what a person types in: its fields are those of the form, with titles and descriptions, secret
    unless `json_schema_extra` says `is_public`. `check` makes one cheap reading call and returns a line about the
    account; it raises Unavailable. `list_accounts` says what can be chosen after consent, `list_scopes` what was
    granted where the token endpoint doesn't say it; both are outside calls. `set_webhook` has the system post to an
    address what has changed (outside call); it raises Unavailable. `own_hosts` are those that the operator named in
    the settings, which may have a private address.
    """

    key: str
    title: str
    credentials: type[BaseModel]
    scheme: Scheme
    check: Callable[[Secrets, Authorise], str]
    list_accounts: Callable[[Authorise], list[VendorAccount]] | None = None
    list_scopes: Callable[[Authorise], Collection[str]] | None = None
    set_webhook: Callable[[ProviderAccount, str], None] | None = None
    own_hosts: Callable[[], Collection[str]] = tuple

    def is_public(self, name: str) -> bool:
        """Return True if a value that is typed in may be shown again."""
        field = self.credentials.model_fields.get(name)
        extra = field.json_schema_extra if field else None
        return isinstance(extra, dict) and bool(extra.get("is_public"))

    @property
    def consent(self) -> Consent | None:
        """Return the scheme if a person allows it at the vendor, else None."""
        return self.scheme if isinstance(self.scheme, Consent) else None


_providers: dict[str, Provider] = {}


def register(provider: Provider) -> None:
    """Register a provider that no platform declares, or in its place; raises ValueError for a key that is taken."""
    if _providers.get(provider.key, provider) != provider:
        raise ValueError(f"provider {provider.key!r} is already registered")
    _providers[provider.key] = provider


def get(key: str) -> Provider:
    """Return the provider of a key. Raises NotFound."""
    if key in _providers:
        return _providers[key]
    platform = platforms.find(key)
    if platform is None:
        raise NotFound(f"There is no provider called {key[:60]!r}.")
    return Provider(
        key=key,
        title=platform.title,
        credentials=platform.credentials,
        scheme=platform.scheme,
        check=partial(summary_of, platform),
    )


def every() -> Iterator[Provider]:
    """Yield the providers in the order of their keys."""
    return (get(key) for key in sorted({*_providers, *platforms.keys()}))


def summary_of(platform: Platform, kept: Secrets, _authorise: Authorise) -> str:
    """Return a platform's line about an account (outside call). Raises Unavailable."""
    line = Line(unsaved_account(platform.key, platform.title))
    with platform.connect(platform.credentials.model_validate(kept), line) as client:
        return platform.summary(client)


def unsaved_account(key: str, title: str) -> ProviderAccount:
    """Return an account of the tenant in scope that isn't stored: no row of its calls is kept."""
    return ProviderAccount(tenant_id=current_tenant_id(), provider=key, name=title)


def for_any(authorise: Authorise) -> operations.Authorise:
    """Return what authorises the calls of a client, whichever account makes them."""

    def headers(connection: ProviderAccount, method: str, url: str, body: bytes) -> Headers:
        return authorise(method, url, body)

    return headers


def checked(provider: Provider, given: Secrets) -> dict[str, str]:
    """Return credentials that were typed in, stripped. Raises Invalid with the fields; no value is repeated."""
    texts = {name: value.strip() if isinstance(value, str) else value for name, value in given.items()}
    fields = provider.credentials.model_fields
    wrong = {name: ["There is no such field."] for name in texts if name not in fields}
    for name in fields:
        value = texts.get(name, "")
        # They are sent in headers as they are.
        if not isinstance(value, str) or not (value.isascii() and value.isprintable()):
            wrong[name] = ["Use printable ASCII characters."]
        elif not value and fields[name].is_required():
            wrong[name] = ["This field is required."]
    kept = {name: value for name, value in texts.items() if value}
    if not wrong:
        try:
            provider.credentials.model_validate(kept)
        except ValidationError as error:
            wrong = {
                str(row["loc"][0] if row["loc"] else "credentials"): ["This isn't valid."] for row in error.errors()
            }
    if wrong:
        raise Invalid("These credentials aren't valid.", fields=wrong)
    return kept
