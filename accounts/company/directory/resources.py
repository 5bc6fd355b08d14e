"""People and groups as SCIM says them (RFC 7643): what Walker keeps of them, and what is read from requests.

Imported where a directory has proven itself alone: the library costs a second and some memory.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    Context,
    ETag,
    Filter,
    InvalidPathException,
    Mutability,
    Patch,
    PatchOp,
    PayloadTooLargeException,
    Reference,
    Required,
    Resource,
    ResourceType,
    Schema,
    ScimPolicy,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_models.path import AttrPath, CompareOperator, Comparison, ValuePath

LONGEST_PAGE: Final = 200
MOST_OPERATIONS: Final = 100
MOST_OF_MEMBERS: Final = 1000
"""How many operations of one PATCH may be about who is in a group: those are cheap, and Okta sends one a person."""
NEVER_CHANGED: Final = frozenset({"id", "schemas", "meta", "groups"})
POLICY: Final = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""Directories send more than they were asked for, and change what isn't there yet."""


class Name(ComplexAttribute):
    """The parts of a person's name."""

    formatted: str | None = None
    given_name: str | None = None
    family_name: str | None = None


class Email(ComplexAttribute):
    """One of a person's addresses; those that mail can't go to are kept as they were said."""

    value: str | None = None
    type: str | None = Field(None, examples=["work", "home", "other"])
    primary: bool | None = None


class GroupOfPerson(ComplexAttribute):
    """A group that a person is in: changed by the group alone."""

    value: Annotated[str | None, Mutability.read_only, CaseExact.true] = None
    ref: Annotated[Reference["Group"] | None, Mutability.read_only] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    display: Annotated[str | None, Mutability.read_only] = None


class User(Resource[Any]):
    """A person who works in the company."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    name: Name | None = None
    display_name: str | None = None
    active: bool | None = None
    emails: list[Email] | None = None
    groups: Annotated[list[GroupOfPerson] | None, Mutability.read_only] = None


class Member(ComplexAttribute):
    """A person in a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])


class Group(Resource[Any]):
    """A group of people, which can give them a role and teams."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    members: list[Member] | None = None


CONFIG: Final = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=LONGEST_PAGE),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=False),
    etag=ETag(supported=True),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Token of the directory",
            description="The token that an owner made in Walker, as Bearer.",
            primary=True,
        )
    ],
)
TYPES: Final = {model.__name__: ResourceType.from_resource(model) for model in (User, Group)}


def schemas() -> dict[str, Schema]:
    """Return what is published of both, by their names in SCIM.

    Whether somebody is active and an address are said to be needed: a directory that leaves them out is understood, and
    none may remove them.
    """
    user, group = User.to_schema(), Group.to_schema()
    for attribute in (user["active"], user["emails"], user["emails"]["value"]):
        attribute.required = Required.true
    return {str(one.id): one for one in (user, group)}


def read_new(model: type[Resource[Any]], said: Mapping[str, Any]) -> Any:
    """Return what a POST says. Raises `ValidationError`."""
    return model.model_validate(said, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=POLICY)


def read_whole(model: type[Resource[Any]], said: Mapping[str, Any]) -> Any:
    """Return what a PUT says. Raises `ValidationError`."""
    return model.model_validate(said, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=POLICY)


def read_patch(model: type[Resource[Any]], said: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return what changes a resource as a PATCH says.

    Raises `ValidationError`, `InvalidPathException`, and `PayloadTooLargeException` for too many operations; what is
    returned raises `SCIMException`.
    """
    kind: Any = PatchOp.__class_getitem__(model)
    patch = kind.model_validate(said, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY)
    steps: list[tuple[str, Any]] = []
    for operation in patch.operations:
        if not operation.path and isinstance(operation.value, dict):
            # Okta repeats the id of a group that it renames.
            value = {name: one for name, one in operation.value.items() if name.lower() not in NEVER_CHANGED}
            operation = operation.model_copy(update={"value": value})  # noqa: PLW2901
        steps += list(steps_of(operation)) if model is Group else [("", operation)]
    others = [operation for op, operation in steps if not op]
    if len(others) > MOST_OPERATIONS or len(steps) > MOST_OF_MEMBERS:
        say = f"Send at most {MOST_OF_MEMBERS:,} operations about members, and {MOST_OPERATIONS} others, at once."
        raise PayloadTooLargeException(detail=say)

    def change(resource: Any) -> Any:
        inside = {one.value.lower(): one for one in getattr(resource, "members", None) or ()}
        if model is Group:
            resource.members = None
        for op, what in steps:
            if not op:
                patch.model_copy(update={"operations": [what]}).patch(resource, scim_policy=POLICY)
            elif op == "remove":
                inside = {} if what is None else {key: one for key, one in inside.items() if key not in what}
            else:
                inside = {**({} if op == "replace" else inside), **what}
        if model is Group:
            resource.members = list(inside.values())
        return resource

    return change


def steps_of(operation: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an operation does to a group: to its members, by their ids, and "" with all else.

    The library would compare each member with each that is named, which takes minutes for thousands, and keep those
    that Entra names with a `$ref` of null. Raises `ValidationError`, and `InvalidPathException`.
    """
    op, said = str(operation.op.value), operation.value
    match operation.path.ast if operation.path else None:
        case None if isinstance(said, dict):
            for name in said:
                if name.lower() == "members":
                    yield op, members_in(said[name])
            rest = {name: one for name, one in said.items() if name.lower() != "members"}
            if rest:
                yield "", operation.model_copy(update={"value": rest})
        case AttrPath(attr=name, sub_attr=None) if name.lower() == "members":
            yield op, None if op == "remove" and said is None else members_in(said)
        case ValuePath(
            attr_path=AttrPath(attr=name),
            val_filter=Comparison(attr_path=AttrPath(attr=part), op=CompareOperator.eq, value=str(key)),
            sub_attr=None,
        ) if op == "remove" and (name.lower(), part.lower()) == ("members", "value"):
            yield op, {key.lower(): None}
        case path if path is not None and str(operation.path.parts[0]).lower() == "members":
            raise InvalidPathException(detail="Members are added, removed and replaced by their ids alone.")
        case _:
            yield "", operation


def members_in(said: Any) -> dict[str, Any]:
    """Return the members that a value of a PATCH names, by their ids. Raises `ValidationError`."""
    listed = said if isinstance(said, list) else [] if said is None else [said]
    found = Group.model_validate({"displayName": "", "members": listed}, scim_policy=POLICY).members or ()
    return {(one.value or str(one.ref or "").rpartition("/")[2]).lower(): one for one in found}
