"""Files at rest: sealed with a key of their own, in the database or in a store outside it."""

import base64
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import Unavailable
from core.tenancy.scope import current_tenant_id

NONCE: Final = 12
VERSION: Final = b"\x01"
GONE: Final = "file_unavailable"


class StoreFailed(Exception):
    """The store can't be reached or refused; the text says why, without secrets."""


class FileStore(ABC):
    """A place outside the database for sealed files. It never sees a file in clear, nor a key."""

    name: ClassVar[str]

    @abstractmethod
    def put(self, key: str, sealed: bytes) -> None:
        """Write a file; the same one twice is harmless. Raises `StoreFailed`."""

    @abstractmethod
    def get(self, key: str) -> bytes:
        """Return a file. Raises `StoreFailed`."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove a file; an absent one is no error. Raises `StoreFailed`."""


_factories: dict[str, Callable[[], FileStore | None]] = {}


def register(name: str, make: Callable[[], FileStore | None]) -> None:
    """Register what makes a store from the settings, or returns None if it isn't set up."""
    _factories[name] = make


def outside() -> FileStore | None:
    """Return the store for new files, or None if they are kept in the database."""
    return next((store for make in _factories.values() if (store := make()) is not None), None)


def store_of(name: str) -> FileStore:
    """Return the store that holds a file. Raises `Unavailable` if it isn't set up any more."""
    make = _factories.get(name)
    store = make() if make else None
    if store is None:
        raise Unavailable("The store of this file isn't set up.", code=GONE)
    return store


def key_of(file_id: UUID) -> str:
    """Return the key of a file of the tenant in scope: ids, no name."""
    return f"{current_tenant_id()}/{file_id}"


def new_key() -> str:
    """Return a new key for one file. Keep it encrypted: without it every copy of the file is unreadable."""
    return base64.b64encode(os.urandom(32)).decode()


def seal_file(content: bytes, *, key: str, file_id: UUID) -> bytes:
    """Encrypt a file with its own key, bound to its tenant and id."""
    nonce = os.urandom(NONCE)
    return VERSION + nonce + AESGCM(base64.b64decode(key)).encrypt(nonce, content, key_of(file_id).encode())


def open_file(sealed: bytes, *, key: str, file_id: UUID) -> bytes:
    """Decrypt a file of `seal_file`. Raises `Unavailable` if it was changed, moved or belongs to another tenant."""
    nonce, body = sealed[1 : 1 + NONCE], sealed[1 + NONCE :]
    try:
        if sealed[:1] != VERSION:
            raise ValueError("unknown format")
        return AESGCM(base64.b64decode(key)).decrypt(nonce, body, key_of(file_id).encode())
    except (InvalidTag, ValueError):
        raise Unavailable("This file was changed or moved, so it can't be decrypted.", code=GONE) from None
