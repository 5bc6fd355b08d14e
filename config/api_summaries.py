"""The line that names each operation of the API's description in its list."""

from typing import Any


def with_summaries(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Give each operation the first sentence of what is said of it, so that the page's list tells what it does."""
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            if isinstance(operation, dict) and operation.get("description"):
                first = operation["description"].partition(". ")[0]
                operation.setdefault("summary", first.rstrip(".").replace("\n", " "))
    return result
