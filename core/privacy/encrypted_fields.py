"""Encrypted model fields, bound to table, column and tenant."""

import json
from typing import Any, Final
from uuid import UUID

from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.query_utils import DeferredAttribute

from core.errors import NoTenant
from core.privacy.encryption import key_id_of, seal, unseal
from core.tenancy.scope import current_tenant_id, current_tenant_or_none


class Sealed:
    """An encrypted value as it was read; it is decrypted on access to the model's attribute."""

    __slots__ = ("content", "tenant_id")

    def __init__(self, content: bytes, tenant_id: UUID | None) -> None:
        self.content: Final = content
        self.tenant_id: Final = tenant_id

    @property
    def key_id(self) -> str:
        return key_id_of(self.content)

    def __repr__(self) -> str:
        return "<sealed>"


class SealedAttribute(DeferredAttribute):
    """Decrypts on first access, so that rows cost nothing while nobody reads their value."""

    field: "EncryptedTextField"

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        if isinstance(value, Sealed):
            value = self.field.open(value, tenant_id=getattr(instance, "tenant_id", None))
            instance.__dict__[self.field.attname] = value
        return value

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class EncryptedTextField(models.Field[Any, Any]):
    """Text encrypted with AES-256-GCM; never searched, ordered or dumped.

    It is written in its tenant's scope and decrypted for the tenant of the row: a row that was read in the
    platform scope is decrypted only inside its own tenant's scope. `values()` and
    `values_list()` give `Sealed`, not the text.
    """

    empty_strings_allowed = True
    descriptor_class = SealedAttribute

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("editable", False)
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        """Leave fixed options out of migrations."""
        name, path, positional, options = super().deconstruct()
        if options.get("editable") is False:
            del options["editable"]
        return name, path, positional, options

    def get_internal_type(self) -> str:
        return "BinaryField"

    def check(self, **options: Any) -> list[CheckMessage]:
        """Report a model without a tenant, because values are bound to one."""
        found: list[CheckMessage] = super().check(**options)
        if not hasattr(self.model, "tenant_id"):
            found.append(Error("An encrypted field needs a tenant-owned model.", obj=self, id="core.E010"))
        return found

    def encode(self, value: Any) -> bytes:
        """Return the bytes to encrypt."""
        return str(value).encode()

    def decode(self, plain: bytes) -> Any:
        """Return the value of decrypted bytes."""
        return plain.decode()

    def open(self, sealed: Sealed, *, tenant_id: UUID | None = None) -> Any:
        """Decrypt a value. Raises NoTenant outside its tenant's scope, Unavailable if changed, moved or without key."""
        current = current_tenant_or_none()
        owner = tenant_id or sealed.tenant_id or current
        if owner is None or (current or sealed.tenant_id) != owner:
            raise NoTenant(f"{self.model._meta.label}.{self.name} can only be decrypted in its tenant's scope")
        plain = unseal(sealed.content, purpose=self._purpose(), bound_to=self._place(owner))
        return self.decode(plain)

    def seal(self, value: Any) -> bytes:
        """Encrypt a value of this column for the tenant in scope."""
        place = self._place(current_tenant_id())
        return seal(self.encode(value), purpose=self._purpose(), bound_to=place)

    def _purpose(self) -> str:
        return f"field|{self.model._meta.db_table}.{self.column}"

    def _place(self, tenant_id: UUID) -> str:
        return f"{self.model._meta.db_table}.{self.column}.{tenant_id}"

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the value to save; one that was never decrypted stays as it is."""
        untouched = model_instance.__dict__.get(self.attname)
        return untouched if isinstance(untouched, Sealed) else super().pre_save(model_instance, add)

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if value is None or hasattr(value, "as_sql"):
            return value
        return value.content if isinstance(value, Sealed) else self.seal(value)

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return the value still encrypted, with the scope in which it was read."""
        return None if value is None else Sealed(bytes(value), current_tenant_or_none())

    def get_lookup(self, lookup_name: str) -> Any:
        """Raise FieldError for every look-up except `isnull`; use the blind index."""
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise FieldError(f"{self.name} is encrypted; look it up by its blind index")

    def get_transform(self, lookup_name: str) -> Any:
        """Raise FieldError."""
        raise FieldError(f"{self.name} is encrypted; look it up by its blind index")

    def value_to_string(self, obj: models.Model) -> str:
        """Raise FieldError: encrypted values are not dumped."""
        raise FieldError(f"{self.name} is encrypted and is not written to fixtures")


class EncryptedJSONField(EncryptedTextField):
    """An encrypted JSON value, with the same rules."""

    empty_strings_allowed = False

    def encode(self, value: Any) -> bytes:
        return json.dumps(value, sort_keys=True).encode()

    def decode(self, plain: bytes) -> Any:
        return json.loads(plain)
