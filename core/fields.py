"""Model fields whose value is encrypted in the database, bound to table, column and tenant."""

import json
from typing import Any

from django.core.exceptions import FieldError
from django.db import models

from core.crypto import seal, unseal
from core.scope import current_tenant_id


class EncryptedTextField(models.BinaryField):  # type: ignore[type-arg]
    """Text kept as AES-256-GCM; read and written in its tenant's scope only, and never searched."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("editable", False)
        super().__init__(*args, **options)

    def _place(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}.{current_tenant_id()}"

    def encode(self, value: Any) -> bytes:
        """Return the bytes to encrypt."""
        return str(value).encode()

    def decode(self, plain: bytes) -> Any:
        """Return the value of decrypted bytes."""
        return plain.decode()

    def get_default(self) -> Any:
        """Return the default; a binary field would turn an empty text into bytes."""
        default = super().get_default()
        return "" if default == b"" else default

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Encrypt on the way to the database."""
        if value is None:
            return None
        sealed = seal(self.encode(value), purpose="field", bound_to=self._place())
        return super().get_db_prep_value(sealed, connection)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Decrypt on the way from the database."""
        if value is None:
            return None
        return self.decode(unseal(bytes(value), purpose="field", bound_to=self._place()))

    def get_lookup(self, lookup_name: str) -> Any:
        """Refuse every look-up but `isnull`: use the blind index."""
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise FieldError(f"{self.name} is encrypted; look it up by its blind index")

    def value_to_string(self, obj: Any) -> str:
        """Refuse to leave the database in a dump."""
        raise FieldError(f"{self.name} is encrypted and is not written to fixtures")


class EncryptedJSONField(EncryptedTextField):
    """A JSON value kept encrypted."""

    def encode(self, value: Any) -> bytes:
        """Return the bytes to encrypt."""
        return json.dumps(value, sort_keys=True).encode()

    def decode(self, plain: bytes) -> Any:
        """Return the value of decrypted bytes."""
        return json.loads(plain)
