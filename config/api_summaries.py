"""Summaries of the operations in the OpenAPI document."""

from typing import Any


def with_summaries(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Give each operation the first sentence of its description as its summary."""
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            if isinstance(operation, dict) and operation.get("description"):
                first = operation["description"].partition(". ")[0]
                operation.setdefault("summary", first.rstrip(".").replace("\n", " "))
    return result
