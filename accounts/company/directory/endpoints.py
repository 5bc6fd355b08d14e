"""What a directory may ask for: people, groups, and what this service is like. The form of each is SCIM's alone."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from pydantic import ValidationError
from scim2_models import (
    Context,
    Error,
    ListResponse,
    ResponseParameters,
    SCIMException,
    SearchRequest,
    TooManyException,
)
from scim2_models.path import CompareOperator, Comparison

from accounts.company.directory import groups, people, resources, tokens
from accounts.company.directory.groups import Content
from accounts.company.directory.people import Document
from accounts.company.directory.replies import refusal, reply
from accounts.company.directory.resources import LONGEST_PAGE, POLICY, Group, User
from accounts.company.people import digest_of_external
from accounts.models import Directory, DirectoryGroup, DirectoryMember
from core.actors import Actor
from core.db.rows import get_row
from core.errors import NotFound
from core.text.clean import can_be_stored

PAGE: Final = 100
MOST_SEARCHED: Final = 10_000
"""How many rows are looked through for what no column holds, such as a display name: those of people are encrypted."""
MOST_PLACES: Final = 100_000
"""How many members of groups one answer may have."""
FARTHEST: Final = 1_000_000
LONGEST_FILTER: Final = 1000
ASKED: Final = ("filter", "startIndex", "count", "attributes", "excludedAttributes")
NOTHING: Final = "There is nothing at this address."


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a directory.

    `read` returns the document that was sent. `seen` and `known` are the versions of `If-Match` and `If-None-Match`.
    """

    actor: Actor
    directory: Directory
    method: str
    read: Callable[[], Any]
    query: Mapping[str, str]
    seen: tuple[str, ...]
    known: tuple[str, ...]


class Kind:
    """One kind of resource: how it is found, shown, added, changed and removed."""

    name: ClassVar[str]
    model: ClassVar[Any]
    search: ClassVar[Any]
    shape: ClassVar[Any]
    listed: ClassVar[Any]

    def rows(self) -> QuerySet[Any]:
        """Return all of them."""
        raise NotImplementedError

    def narrowed(self, attribute: str, value: str) -> QuerySet[Any] | None:
        """Return those whose attribute may equal a value, None where no column tells."""
        raise NotImplementedError

    def row(self, key: UUID) -> Any:
        """Return one. Raises `NotFound`."""
        raise NotImplementedError

    def version(self, row: Any) -> str:
        """Return what changes with it."""
        raise NotImplementedError

    def bodies(self, rows: Sequence[Any], hidden: Collection[str]) -> Iterable[dict[str, Any]]:
        """Return what is shown of them, without what all kinds have; attributes that are `hidden` aren't needed."""
        raise NotImplementedError

    def add(self, call: Call, resource: Any) -> Any:
        """Make a row of what was posted."""
        raise NotImplementedError

    def revise(self, call: Call, key: UUID, change: Callable[[Any], Any]) -> Any:
        """Change a row by what makes a new resource of the one of now."""
        raise NotImplementedError

    def remove(self, call: Call, key: UUID) -> None:
        """Remove a row."""
        raise NotImplementedError

    def show(self, rows: Sequence[Any], hidden: Collection[str] = ()) -> list[Any]:
        """Return rows as resources."""
        found = []
        for row, body in zip(rows, self.bodies(rows, hidden), strict=True):
            meta = {
                "resourceType": self.name,
                "created": row.created_at,
                "lastModified": row.changed_at,
                "location": address_of(self.name, row.pk),
                "version": f'W/"{self.version(row)}"',
            }
            found.append(self.model.model_validate({**body, "id": str(row.pk), "meta": meta}))
        return found


class People(Kind):
    """The people that the directory has pushed."""

    name = "User"
    model = User
    search = SearchRequest[User]
    shape = ResponseParameters[User]
    listed = ListResponse[User]

    def rows(self) -> QuerySet[Any]:
        return people.query_people().order_by("pk")

    def narrowed(self, attribute: str, value: str) -> QuerySet[Any] | None:
        if attribute == "username":
            return self.rows().filter(user_name=people.digest_of_user_name(value))
        return self.rows().filter(external=digest_of_external(value)) if attribute == "externalid" else None

    def row(self, key: UUID) -> Any:
        return people.get_person(key)

    def version(self, row: Any) -> str:
        return people.version_of(row)

    def bodies(self, rows: Sequence[Any], hidden: Collection[str]) -> Iterable[dict[str, Any]]:
        inside: dict[UUID, list[dict[str, str]]] = {}
        places = DirectoryMember.objects.filter(person__in=[row.pk for row in rows]).select_related("group")
        for place in places.order_by("pk"):
            shown = {"value": str(place.group_id), "$ref": address_of("Group", place.group_id)}
            inside.setdefault(place.person_id, []).append({**shown, "display": place.group.name})
        return [{**people.said_of(row), "groups": inside.get(row.pk, [])} for row in rows]

    def add(self, call: Call, resource: Any) -> Any:
        return people.add_person(actor=call.actor, directory=call.directory, document=document_of(resource))

    def revise(self, call: Call, key: UUID, change: Callable[[Any], Any]) -> Any:
        def changed(before: Document) -> Document:
            return document_of(change(User.model_validate(before)))

        return people.revise_person(
            actor=call.actor, directory=call.directory, person_id=key, change=changed, seen=call.seen
        )

    def remove(self, call: Call, key: UUID) -> None:
        people.remove_person(actor=call.actor, directory=call.directory, person_id=key, seen=call.seen)


class Groups(Kind):
    """The groups that the directory has pushed."""

    name = "Group"
    model = Group
    search = SearchRequest[Group]
    shape = ResponseParameters[Group]
    listed = ListResponse[Group]

    def rows(self) -> QuerySet[Any]:
        return DirectoryGroup.objects.order_by("pk")

    def narrowed(self, attribute: str, value: str) -> QuerySet[Any] | None:
        if attribute == "displayname":
            return self.rows().filter(name__iexact=value)
        return self.rows().filter(external=value) if attribute == "externalid" else None

    def row(self, key: UUID) -> Any:
        return get_row(DirectoryGroup, key, groups.MISSING)

    def version(self, row: Any) -> str:
        return groups.version_of(row)

    def bodies(self, rows: Sequence[Any], hidden: Collection[str]) -> Iterable[dict[str, Any]]:
        inside: dict[UUID, list[UUID]] = {}
        shown = [] if "members" in hidden else [row.pk for row in rows]
        places = DirectoryMember.objects.filter(group__in=shown).order_by("pk")
        if places.count() > MOST_PLACES:
            raise TooManyException(detail="Ask for fewer groups at once, or use excludedAttributes=members.")
        for group_id, person_id in places.values_list("group_id", "person_id"):
            inside.setdefault(group_id, []).append(person_id)
        return [body_of(Content(row.name, row.external), inside.get(row.pk, ())) for row in rows]

    def add(self, call: Call, resource: Any) -> Any:
        return groups.add_group(actor=call.actor, content=content_of(resource))

    def revise(self, call: Call, key: UUID, change: Callable[[Any], Any]) -> Any:
        def changed(before: Content) -> Content:
            return content_of(change(Group.model_validate(body_of(before, sorted(before.people)))))

        return groups.revise_group(actor=call.actor, group_id=key, change=changed, seen=call.seen)

    def remove(self, call: Call, key: UUID) -> None:
        groups.remove_group(actor=call.actor, group_id=key, seen=call.seen)


KINDS: Final[dict[str, Kind]] = {"Users": People(), "Groups": Groups()}


def answer(call: Call, parts: Sequence[str]) -> HttpResponse:
    """Answer one request, by the parts of its path. Raises `WalkerError`."""
    try:
        match parts:
            case [place] if place in KINDS:
                return answer_all(call, KINDS[place])
            case [place, key] if place in KINDS and key != ".search":
                return answer_one(call, KINDS[place], key)
            case [*_, ".search" | "Bulk"] if len(parts) <= 2:
                return refusal(501, "Walker answers neither searches by POST nor many requests in one.")
            case ["ServiceProviderConfig" | "Schemas" | "ResourceTypes", *rest] if len(rest) <= 1:
                return answer_about_service(call, parts[0], rest)
    except ValidationError as problem:
        error = Error.from_validation_error(problem.errors()[0])
        return refusal(error.status or 400, str(error.detail), kind=error.scim_type or "")
    except SCIMException as problem:
        return refusal(problem.status, problem.detail, kind=problem.scim_type)
    return refusal(404, NOTHING)


def address_of(name: str, key: Any) -> str:
    """Return the address of a resource."""
    return f"{tokens.address()}/{name}s/{key}"


def document_of(resource: Any) -> Document:
    """Return what is kept of a person's resource."""
    said = resource.model_dump()
    return {name: said[name] for name in ("userName", "externalId", "name", "displayName", "emails", "active")
            if name in said}  # fmt: skip


def content_of(resource: Any) -> Content:
    """Return what is kept of a group's resource. Raises `SCIMException` for members that are no people of ours."""
    try:
        named = [one.value or str(one.ref or "").rpartition("/")[2] for one in resource.members or ()]
        inside = frozenset(UUID(one) for one in named)
    except ValueError:
        error = Error(status=400, scim_type="invalidValue", detail="A member is named by the id of a person here.")
        raise SCIMException.from_error(error) from None
    return Content(resource.display_name or "", resource.external_id or "", inside)


def body_of(content: Content, inside: Iterable[UUID]) -> dict[str, Any]:
    """Return what is shown of a group."""
    members = [{"value": str(one), "$ref": address_of("User", one), "type": "User"} for one in inside]
    return {"displayName": content.name, "externalId": content.external or None, "members": members}


def answer_all(call: Call, kind: Kind) -> HttpResponse:
    """List resources, or make one."""
    wanted = {name: call.query[name] for name in ASKED if name in call.query}
    if len(wanted.get("filter", "")) > LONGEST_FILTER:
        raise TooManyException(detail=f"Use at most {LONGEST_FILTER} characters in a filter.")
    if call.method == "POST":
        asked = kind.shape.model_validate(_shape(wanted))
        row = kind.add(call, resources.read_new(kind.model, call.read()))
        return _shown(kind, row, asked, 201)
    if call.method != "GET":
        return _not_so(call)
    asked = kind.search.model_validate(wanted, scim_policy=POLICY)
    first = min(asked.start_index or 1, FARTHEST)
    count = min(PAGE if asked.count is None else asked.count, LONGEST_PAGE)
    if asked.filter:
        # Entra looks for a group, and wants none of its people.
        hidden: Collection[str] = () if "members" in str(asked.filter).lower() else hidden_by(asked)
        matching = matching_resources(kind, asked.filter, hidden)
        total, page = len(matching), matching[first - 1 : first - 1 + count]
    else:
        rows = kind.rows()
        total, page = rows.count(), kind.show(list(rows[first - 1 : first - 1 + count]), hidden_by(asked))
    listed = kind.listed(total_results=total, start_index=first, items_per_page=len(page), resources=page)
    said = listed.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=asked)
    return reply({"Resources": [], **said})


def hidden_by(asked: Any) -> frozenset[str]:
    """Return the names of the attributes that a request excludes."""
    return frozenset(str(one).rpartition(":")[2].lower() for one in asked.excluded_attributes or ())


def matching_resources(kind: Kind, wanted: Any, hidden: Collection[str]) -> list[Any]:
    """Return the resources that a filter matches: by a column where one tells, else one after the other."""
    node, rows = wanted.ast, None
    is_equality = isinstance(node, Comparison) and node.op == CompareOperator.eq and not node.attr_path.sub_attr
    if is_equality and isinstance(node.value, str) and can_be_stored(node.value):
        rows = kind.narrowed(node.attr_path.attr.lower(), node.value)
    if rows is None:
        rows = kind.rows()
        if rows.count() > MOST_SEARCHED:
            raise TooManyException(detail="Search by userName, externalId or displayName.")
    return [one for one in kind.show(list(rows), hidden) if wanted.match(one)]


def answer_one(call: Call, kind: Kind, given: str) -> HttpResponse:
    """Show, replace, change or remove one resource."""
    try:
        key = UUID(given)
    except ValueError:
        raise NotFound(NOTHING) from None
    asked = kind.shape.model_validate(_shape(call.query))
    match call.method:
        case "GET":
            row = kind.row(key)
            if kind.version(row) in call.known:
                return HttpResponse(status=304, headers={"ETag": f'W/"{kind.version(row)}"'})
            return _shown(kind, row, asked)
        case "PUT":
            whole = resources.read_whole(kind.model, call.read())
            return _shown(kind, kind.revise(call, key, lambda _: whole), asked)
        case "PATCH":
            return _shown(kind, kind.revise(call, key, resources.read_patch(kind.model, call.read())), asked)
        case "DELETE":
            kind.remove(call, key)
            return HttpResponse(status=204)
    return _not_so(call)


def answer_about_service(call: Call, place: str, rest: Sequence[str]) -> HttpResponse:
    """Say what this service is like."""
    if call.method != "GET":
        return _not_so(call)
    found: Mapping[str, Any] = resources.schemas() if place == "Schemas" else resources.TYPES
    shown: list[Any] = []
    if place == "ServiceProviderConfig":
        shown = [] if rest else [resources.CONFIG]
    elif rest:
        shown = [found[rest[0]]] if rest[0] in found else []
    else:
        bodies = [one.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE) for one in found.values()]
        return reply({"schemas": [str(ListResponse.__schema__)], "totalResults": len(bodies), "Resources": bodies})
    if not shown:
        raise NotFound(NOTHING)
    return reply(shown[0].model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))


def _shown(kind: Kind, row: Any, asked: Any, status: int = 200) -> HttpResponse:
    (resource,) = kind.show([row], hidden_by(asked))
    said = resource.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=asked)
    location = resource.meta.location if status == 201 else ""
    return reply(said, status, tag=resource.meta.version, location=location)


def _shape(query: Mapping[str, str]) -> dict[str, str]:
    return {name: query[name] for name in ("attributes", "excludedAttributes") if name in query}


def _not_so(call: Call) -> HttpResponse:
    return refusal(405, f"{call.method} isn't offered here.")
