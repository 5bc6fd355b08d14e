"""A directory that pushes people and groups, as Okta and Microsoft Entra do."""

import json
from typing import Any
from uuid import UUID

from django.test import Client

from accounts.company.directory import places, tokens
from accounts.models import DirectoryPerson, IdentityProvider, Membership, Tenant, User
from core.actors import Actor
from core.tenancy.scope import tenant_scope
from tests.world import World

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Pusher:
    """It has a token, and no cookie."""

    def __init__(self, tenant: Tenant, token: str) -> None:
        self.tenant, self.token = tenant, token
        self.client = Client(enforce_csrf_checks=True)

    def ask(self, method: str, path: str, said: Any = None, **headers: str) -> Any:
        """Send a request to an address below `/scim/v2/`."""
        body = said if isinstance(said, bytes) else b"" if said is None else json.dumps(said).encode()
        given = {"Authorization": f"Bearer {self.token}", **{name.replace("_", "-"): headers[name] for name in headers}}
        return self.client.generic(method, f"/scim/v2/{path}", body, "application/scim+json", headers=given)

    def push(self, key: str, **more: Any) -> Any:
        """Post a person; the answer's document."""
        said = {
            "schemas": [USER],
            "userName": f"{key}@acme.example",
            "externalId": f"id-{key}",
            "active": True,
            **more,
        }
        answer = self.ask("POST", "Users", said)
        assert answer.status_code == 201, answer.content
        return answer.json()

    def group(self, name: str, *people: str) -> str:
        """Post a group of people; return its id."""
        answer = self.ask("POST", "Groups", {"displayName": name, "members": [{"value": one} for one in people]})
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    def change(self, path: str, *operations: Any, **headers: str) -> Any:
        """Patch a resource."""
        return self.ask("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, **headers)

    def switch(self, key: str, *, is_on: bool) -> Any:
        """Switch a person off or on, as Entra does."""
        return self.change(f"Users/{key}", {"op": "Replace", "path": "active", "value": str(is_on)})

    def settle(self) -> None:
        """Do what the sweep enqueues."""
        for tenant_id, person_id in places.list_due():
            with tenant_scope(tenant_id):
                places.follow_groups(person_id=person_id)

    def member(self, key: str) -> Membership:
        """Return the membership of a pushed person."""
        with tenant_scope(self.tenant.pk):
            user_id = DirectoryPerson.objects.get(pk=key).user_id
            return Membership.objects.select_related("user").get(user_id=user_id)

    def key_of(self, user: User) -> str:
        """Return the id of a person here in the directory."""
        with tenant_scope(self.tenant.pk):
            return str(DirectoryPerson.objects.get(user=user).pk)


def connect_directory(
    world: World, *, tenant: Tenant | None = None, rules: Any = (), claim: str = "sub", **more: Any
) -> Pusher:
    """Connect a directory with an organisation, the first one unless another is named."""
    found = tenant or world.acme
    actor: Actor = world.actor("owner") if found == world.acme else world.outsider("owner")
    with tenant_scope(found.pk):
        row = IdentityProvider.objects.first() or IdentityProvider.objects.create(
            slug=found.slug, issuer="https://login.acme.example", client_id="walker", client_secret="s", **more
        )
        if rules:
            IdentityProvider.objects.filter(pk=row.pk).update(rules=list(rules), rules_by=actor.user_id)
        return Pusher(found, tokens.make_token(actor=actor, provider_id=row.pk, person_claim=claim))


def rule(group: str, role: str = "", *teams: UUID) -> dict[str, Any]:
    """Return what a group leads to."""
    return {"group": group, "role": role, "teams": [str(one) for one in teams]}
