"""People, teams, tags and channels that several parts of one page offer: read once for it."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, Value
from django.http import HttpRequest

from accounts.models import Membership
from accounts.permissions.roles import permissions_of
from accounts.selectors import list_members
from conversations.custom_fields.admin import values_to_choose
from conversations.models import ChannelAccount, CustomField, Tag, Team

VIEW: Final = "conversations.view_conversation"
REPLY: Final = "conversations.reply_conversation"
KEY: Final = "choices"


class Choices:
    """What forms and filters of conversations offer."""

    @cached_property
    def members(self) -> list[Membership]:
        """Return who may see conversations."""
        return list_members(permission=VIEW)

    @cached_property
    def viewers(self) -> Mapping[UUID, str]:
        """Return their names."""
        return {member.user_id: member.user.get_full_name() for member in self.members}

    @cached_property
    def repliers(self) -> Mapping[UUID, str]:
        """Return the names of those who may reply."""
        may = {one.user_id for one in self.members if REPLY in permissions_of(one.role, one.own_permissions)}
        return {pk: name for pk, name in self.viewers.items() if pk in may}

    @cached_property
    def _named(self) -> list[tuple[str, UUID, str]]:
        """Return teams, tags and custom fields by name: a page that offers the ones offers the others. One query."""
        teams = Team.objects.order_by().annotate(of=Value("team")).values_list("of", "pk", "name")
        tags = Tag.objects.order_by().annotate(of=Value("tag")).values_list("of", "pk", "name")
        rows = CustomField.objects.filter(subject=CustomField.Subject.CONVERSATION)
        fields = rows.order_by().annotate(of=Value("field")).values_list("of", "pk", "name")
        return list(teams.union(tags, fields, all=True).order_by("name"))

    @property
    def teams(self) -> Mapping[UUID, str]:
        """Return the teams by name."""
        return {pk: name for of, pk, name in self._named if of == "team"}

    @cached_property
    def values(self) -> Mapping[str, str]:
        """Return the values of custom fields that a list can be narrowed to. One query if there are any fields."""
        is_there = any(of == "field" for of, *_ in self._named)
        return values_to_choose(CustomField.Subject.CONVERSATION) if is_there else {}

    @cached_property
    def senders(self) -> list[ChannelAccount]:
        """Return the channels that can write first: mailboxes, and those that have templates."""
        rows = ChannelAccount.objects.filter(is_active=True).defer("credentials").order_by("name", "pk")
        return list(rows.filter(Q(kind=ChannelAccount.Kind.EMAIL) | ~Q(template_uses={})))

    @property
    def tags(self) -> Mapping[UUID, str]:
        """Return the tags by name."""
        return {pk: name for of, pk, name in self._named if of == "tag"}


def choices_of(request: HttpRequest) -> Choices:
    """Return the choices of a page."""
    found: Choices | None = getattr(request, KEY, None)
    if found is None:
        found = Choices()
        setattr(request, KEY, found)
    return found


def choices_in(initial: Mapping[str, Any]) -> Choices:
    """Return the choices that a form was given, or those of its own."""
    found = initial.get(KEY)
    return found if isinstance(found, Choices) else Choices()
