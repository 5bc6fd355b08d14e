"""How the API shows a colleague."""

from typing import Any, Final
from uuid import UUID

from rest_framework import serializers

from accounts.models import User
from accounts.selectors import erased_people
from core.privacy.erasure.person import NOBODY

_ERASED: Final = "erased_people"


class PersonSerializer(serializers.Serializer[Any]):
    """A colleague. Erased people have no name here, even if their account still exists elsewhere."""

    id = serializers.UUIDField(source="pk", read_only=True)
    name = serializers.SerializerMethodField()

    def get_name(self, person: User) -> str:
        """Return the name as pages of the tenant show it."""
        shared: Any = self.context
        if _ERASED not in shared:
            shared[_ERASED] = erased_people()
        people: frozenset[UUID] = shared[_ERASED]
        return NOBODY if person.pk in people else person.get_full_name()
