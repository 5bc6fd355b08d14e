"""People and groups as SCIM says them (RFC 7643): what Walker keeps of them, and what is read from requests.

Imported where a directory has proven itself alone: the library costs a second and some memory.
"""

from collections.abc import Mapping
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

LONGEST_PAGE: Final = 200
MOST_OPERATIONS: Final = 1000
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


def read_patch(model: type[Resource[Any]], said: Mapping[str, Any]) -> Any:
    """Return what a PATCH says. Raises `ValidationError`, and `PayloadTooLargeException` for too many operations."""
    operations = said.get("Operations")
    if isinstance(operations, list) and len(operations) > MOST_OPERATIONS:
        raise PayloadTooLargeException(detail=f"Send at most {MOST_OPERATIONS} operations at once.")
    patch: Any = PatchOp.__class_getitem__(model)
    return patch.model_validate(said, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY)
