"""Numbers of transactions, in whose order rows were written by several writers at once."""

from typing import Any

from django.db import models
from django.db.models.expressions import Func


class TransactionIdField(models.Field[str, str]):
    """The number of a transaction (`xid8`), as text in Python: it is compared in SQL alone."""

    def db_type(self, connection: Any) -> str:
        return "xid8"


class CurrentTransactionId(Func):
    """The number of the transaction that writes the row."""

    function = "pg_current_xact_id"
    output_field = TransactionIdField()
