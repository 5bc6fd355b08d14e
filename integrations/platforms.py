"""The registered platforms, and the accounts that the tenant in scope has with them."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from pydantic import BaseModel, ValidationError

from core.errors import NotFound, Unavailable
from hitl.actions import registry as kinds
from integrations.calls.breaker import pause_sentence
from integrations.calls.operations import Line
from integrations.mail.providers.routes import PROVIDER as SENDGRID
from integrations.models import ProviderAccount
from integrations.ports import BriefSection, Lookup, Platform

_platforms: dict[str, Platform] = {}


@dataclass(frozen=True)
class Connection:
    """A platform on which the tenant in scope has an account; its credentials are never shown."""

    platform: Platform
    credentials: BaseModel
    account: ProviderAccount

    def open(self, line: Line | None = None) -> AbstractContextManager[Any]:
        """Return a client; `line` says how it is used. Raises Unavailable without an address of the platform."""
        return self.platform.connect(self.credentials, line or Line(self.account))


def register(platform: type[Platform]) -> None:
    """Register a platform and its kinds; safe to repeat. Raises TypeError, or ValueError for a key that is taken."""
    if not (isinstance(platform, type) and issubclass(platform, Platform)):
        raise TypeError(f"{platform!r} is not a Platform")
    others = [each for each in _platforms.values() if type(each) is not platform]
    taken = {each.key for each in others}
    lookups = {each.key for other in others for each in other.lookups}
    sections = {each.key for other in others for each in other.sections}
    if platform.key in taken:
        raise ValueError(f"platform {platform.key!r} is already registered")
    for name, keys, used in (
        ("lookup", [each.key for each in platform.lookups], lookups),
        ("section", [each.key for each in platform.sections], sections),
    ):
        if twice := sorted(key for key in set(keys) if key in used or keys.count(key) > 1):
            raise ValueError(f"{name} {twice[0]!r} of platform {platform.key!r} is already registered")
    for kind in platform.kinds:
        kinds.register(kind)
    _platforms[platform.key] = platform()


def get(key: str) -> Platform:
    """Return the platform of a key. Raises NotFound."""
    try:
        return _platforms[key]
    except KeyError:
        raise NotFound(f"There is no platform called {key[:60]!r}.") from None


def find(key: str) -> Platform | None:
    """Return the platform of a key, or None."""
    return _platforms.get(key)


def keys() -> list[str]:
    """Return the keys of the registered platforms in order."""
    return sorted(_platforms)


def providers() -> list[str]:
    """Return what a tenant can have an account with: the registered platforms, and the mail provider."""
    return [SENDGRID, *keys()]


def takes(provider: str, credentials: Mapping[str, Any]) -> bool:
    """Return True if these credentials are what a provider's account needs."""
    try:
        if provider in _platforms:
            _platforms[provider].credentials.model_validate(credentials)
    except ValidationError:
        return False
    return True


def lookups() -> Iterator[tuple[Platform, Lookup[Any]]]:
    """Yield each lookup with its platform, in the order of registration."""
    return ((platform, lookup) for platform in _platforms.values() for lookup in platform.lookups)


def sections() -> Iterator[tuple[Platform, BriefSection]]:
    """Yield each section of the brief with its platform, in the order of registration."""
    return ((platform, section) for platform in _platforms.values() for section in platform.sections)


def kinds_for(account: ProviderAccount, target: str) -> list[str]:
    """Return the kinds that change targets of a type over an account; none but over the one that tools use."""
    platform = find(account.provider)
    if platform is None or not (account.is_active and account.is_default):
        return []
    return [kind.key for kind in platform.kinds if kind.target == target]


def mirrored() -> list[str]:
    """Return the keys of the platforms whose ad campaigns are mirrored."""
    return sorted(key for key, platform in _platforms.items() if platform.mirror is not None)


def connection_of(account: ProviderAccount) -> Connection:
    """Return the connection of an account, default or not. Raises NotFound, and Unavailable `not_connected`."""
    return _connection(get(account.provider), account)


def connection(key: str) -> Connection:
    """Return the tenant's connection with a platform. Raises NotFound, and Unavailable `not_connected` without one."""
    return _connection(get(key), account_for(key))


def find_pause(key: str) -> str:
    """Return why calls to a platform are paused now, in a sentence; "" if they are not, or without an account."""
    account = find_account(key)
    return pause_sentence(account) if account else ""


def working_accounts() -> QuerySet[ProviderAccount]:
    """Return the accounts over which calls can be made now. For sweeps."""
    return ProviderAccount.objects.filter(is_active=True, expired_at=None, paused_at=None)


def connected() -> list[Connection]:
    """Return the tenant's platforms in the order of registration. An account that lacks a credential counts as none."""
    rows = ProviderAccount.objects.filter(provider__in=_platforms, is_active=True, is_default=True)
    accounts = {row.provider: row for row in rows}
    found = []
    for key, platform in _platforms.items():
        if key in accounts:
            try:
                found.append(_connection(platform, accounts[key]))
            except Unavailable:
                continue
    return found


def _connection(platform: Platform, account: ProviderAccount) -> Connection:
    try:
        return Connection(platform, platform.credentials.model_validate(dict(account.credentials or {})), account)
    except ValidationError as error:
        missing = ", ".join(sorted({str(row["loc"][0]) for row in error.errors() if row["loc"]})) or "credentials"
        raise Unavailable(f"The account on {platform.title} lacks: {missing}.", code="not_connected") from None


def find_account(provider: str) -> ProviderAccount | None:
    """Return the tenant's default account with a provider, or None."""
    return ProviderAccount.objects.filter(provider=provider, is_active=True, is_default=True).first()


def account_for(provider: str) -> ProviderAccount:
    """Return the tenant's account that tools use with a provider: the default one.

    Raises Unavailable `not_connected` without one; there is no fallback to another account.
    """
    account = find_account(provider)
    if account is None or not account.credentials:
        raise Unavailable(f"Your organisation has no active {provider} account.", code="not_connected")
    return account


def get_credentials(*, provider: str) -> dict[str, Any]:
    """Return the credentials of the account that `account_for` returns, for our own clients only."""
    return dict(account_for(provider).credentials)
