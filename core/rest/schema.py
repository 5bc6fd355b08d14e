"""What is the same for every operation of the OpenAPI document.

Errors, headers and sign-in, and the names.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from core.rest.idempotency import HEADER
from core.rest.views import EXPAND, ApiViewSet, Query

ERRORS: Final[dict[str, str]] = {
    "400": "The address or the body is not valid; `fields` names the values.",
    "401": "No key, token or session, or one that has ended.",
    "403": "The role or the key's scopes do not allow it, or no reveal is open (`no_grant`).",
    "404": "There is no such object, or it is not yours.",
    "406": "The answer is always `application/json`.",
    "429": "Too many requests in this minute.",
    "500": "An error in Walker.",
    "503": "Something that is needed is not available; try again later.",
}
WRITING_ERRORS: Final[dict[str, str]] = {
    "409": "Someone else was faster, what you saw has changed, or the first request under this key still runs.",
    "410": "The link that was sent has expired or was used.",
    "413": "The body is too large.",
    "415": "The body has to be `application/json`.",
    "422": "This idempotency key was used for another request.",
}
_SCHEMAS: Final = "#/components/schemas/"
WRITING: Final = ("post", "put", "patch", "delete")
ENUMS: Final = frozenset({"enum", "$ref", "allOf", "oneOf"})
PROBLEM: Final = {
    "type": "object",
    "description": "Every error has these fields; some have more.",
    "required": ["detail", "code"],
    "properties": {
        "detail": {"type": "string", "description": "One sentence for people."},
        "code": {"type": "string", "description": "Stable, for programs."},
        "fields": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "The problems by field.",
        },
    },
    "additionalProperties": True,
}
_KEY_PARAMETER: Final = {
    "in": "header",
    "name": HEADER,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "Names the request: a repetition within 24 hours gets the first response and has no effect.",
}
_RETRY: Final = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}

LIMITS: Final = {
    "RateLimit-Limit": {"schema": {"type": "integer"}, "description": "Requests per minute of this key or person."},
    "RateLimit-Remaining": {"schema": {"type": "integer"}, "description": "How many are left in this minute."},
    "RateLimit-Reset": {"schema": {"type": "integer"}, "description": "Seconds until the next minute begins."},
}
LIMIT_REFERENCES: Final = {name: {"$ref": f"#/components/headers/{name}"} for name in LIMITS}


class ActorScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The two ways to sign in: an API key or access token, or the console's session."""

    target_class = "core.rest.authentication.ActorAuthentication"
    name = ["apiKey", "session"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        """Return both ways."""
        from django.conf import settings  # noqa: PLC0415  (the name of the cookie is a setting)

        return [
            {"type": "http", "scheme": "bearer", "bearerFormat": "wk_... or an access token"},
            {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
        ]


class ExpandedFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Describes an object that is there if `expand` asks for it."""

    target_class = "core.rest.fields.ExpandedField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the object's own schema; null where it isn't there."""
        component = auto_schema.resolve_serializer(self.target.shape, direction)
        return component.ref if self.target.summary else {"oneOf": [component.ref, {"type": "null"}]}


class ApiSchema(AutoSchema):
    """How one operation is described: by the serializers, filters and pages of its view set."""

    view: ApiViewSet  # type: ignore[override]  # all described views are ours

    def get_operation_id(self) -> str:
        """Return the collection and the action, such as `approvals_send_back`."""
        names = [part.replace("-", "_") for part in self._tokenize_path()]
        return "_".join(names if names and names[-1] == self.view.action else [*names, self.view.action])

    def get_description(self) -> str:  # type: ignore[override]  # the generator's has no arguments either
        """Return what the view set says of the action, or else the action's docstring, and what it needs."""
        view: Any = self.view
        if not isinstance(view, ApiViewSet):
            return str(super().get_description())
        said = str(view.descriptions.get(view.action) or super().get_description())
        needed = view.permissions.get(view.action)
        return f"{said} Needs `{needed}`." if needed and "Needs" not in said else said

    def get_request_serializer(self) -> Any:
        """Return the serializer of the body."""
        return self.view.get_request_serializer_class()

    def get_response_serializers(self) -> Any:
        """Return the serializer of the response by its status."""
        status = self.view.get_success_status()
        if status == HTTPStatus.NO_CONTENT:
            return {status: None}
        shape = self.view.get_serializer_class()
        return {status: shape(many=True) if self.view.is_list() else shape}

    def get_override_parameters(self) -> list[Any]:
        """Return the query parameters beside filters; `show_pii` alone only where it has an effect."""
        query = self.view.get_query_class()
        found: list[Any] = [query] if query is not Query or self.view.can_reveal() else []
        if names := list(self.view.get_expansions()):
            words = "Adds the whole object behind each id; repeat it, or separate names by commas, for several."
            many = {"type": "array", "items": {"type": "string", "enum": names}}
            found.append(OpenApiParameter(EXPAND, many, description=words))
        return found

    def get_paginated_name(self, serializer_name: str) -> str:
        """Return the name of a page's schema."""
        return f"{serializer_name}Page"


def with_errors(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Add every error that an operation can answer, and the header of repeated requests."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components["responses"] = {
        f"Error{code}": _response(code, text) for code, text in sorted({**ERRORS, **WRITING_ERRORS}.items())
    }
    components["headers"] = LIMITS
    operations = [pair for path in result["paths"].values() for pair in path.items()]
    for method, operation in operations:
        if not (isinstance(operation, dict) and "responses" in operation):
            continue
        for code, response in operation["responses"].items():
            if code.startswith("2"):
                response.setdefault("headers", {}).update(LIMIT_REFERENCES)
        codes = {**ERRORS, **(WRITING_ERRORS if method in WRITING else {})}
        for code in codes:
            operation["responses"].setdefault(code, {"$ref": f"#/components/responses/Error{code}"})
        if "security" not in operation:
            continue  # it is open, and what it answers is never kept
        # One of them is enough.
        operation["security"] = [{name: []} for name in ActorScheme.name]
        if method == "post":
            operation.setdefault("parameters", []).append(_KEY_PARAMETER)
    return result


def without_empty_defaults(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Drop the default "" of enums and texts that may not be empty: clients made from it would be refused."""
    for part in _objects_in(result):
        if part.get("default") == "" and (part.get("minLength") or not part.keys().isdisjoint(ENUMS)):
            del part["default"]
        if "enum" in part:
            part.pop("minLength", None)
    return result


def with_short_names(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Write `CapRequest` for the body that a serializer of this name reads, not `CapRequestRequest`."""
    schemas = result.get("components", {}).get("schemas", {})
    renamed = {name: name.removesuffix("Request") for name in schemas if name.endswith("RequestRequest")}
    renamed = {name: short for name, short in renamed.items() if short not in schemas}
    result["components"]["schemas"] = {renamed.get(name, name): schema for name, schema in schemas.items()}
    for part in _objects_in(result):
        name = str(part.get("$ref", "")).removeprefix(_SCHEMAS)
        if name in renamed:
            part["$ref"] = _SCHEMAS + renamed[name]
    return result


def _objects_in(document: Any) -> Iterator[dict[str, Any]]:
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _response(code: str, text: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found: dict[str, Any] = {"description": text, "content": content}
    waits = _RETRY if code in ("429", "503") else {}
    left = LIMIT_REFERENCES if code == "429" else {}
    return {**found, "headers": {**waits, **left}} if waits else found
