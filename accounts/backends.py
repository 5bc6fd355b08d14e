"""Authentication backend: email and password, permissions by role in the current tenant."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from accounts.models import Membership, User
from accounts.permissions.roles import own_role, permissions_of
from core.tenancy.scope import current_tenant_or_none


class RoleBackend(BaseBackend):
    """Signs in by email address and password; grants what the role in the current tenant grants."""

    CACHE: ClassVar[str] = "_walker_permissions"

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> User | None:
        """Return the active user with this address and password."""
        email = credentials.get("email") or username
        if not email or password is None:
            return None
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            User().set_password(password)  # the same work whether or not the address is known
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: Any) -> User | None:
        """Return the user of a session, or None if the account is inactive."""
        return User.objects.filter(pk=user_id, is_active=True).first()

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Return True if the role grants the permission; objects must belong to this tenant."""
        if obj is not None and getattr(obj, "tenant_id", None) != current_tenant_or_none():
            return False
        return perm in self.get_all_permissions(user_obj)

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return the permissions of the person's role in the current tenant."""
        tenant_id = current_tenant_or_none()
        if tenant_id is None or not user_obj.is_active or user_obj.is_anonymous:
            return set()
        cache: dict[UUID, set[str]] = user_obj.__dict__.setdefault(self.CACHE, {})
        if tenant_id not in cache:
            memberships = Membership.objects.filter(user_id=user_obj.pk, is_active=True)
            found = memberships.values_list("role", own_role("permissions")).first()
            cache[tenant_id] = set(permissions_of(*found)) if found else set()
        return cache[tenant_id]
