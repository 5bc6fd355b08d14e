"""An app of a person, which signs in to the API and keeps its tokens."""

from typing import Any

from django.test import Client

from accounts.models import TokenFamily, User
from core.tenancy.scope import tenant_scope
from tests.world import PASSWORD, World

V1 = "/api/v1/"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1"


class Device:
    """It has no cookie, and the tokens of its last answer."""

    def __init__(self, address: str = "203.0.113.77") -> None:
        self.client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=PHONE, raise_request_exception=False)
        self.access = self.refresh_token = ""

    def post(self, name: str, **body: Any) -> Any:
        """Send JSON to one of the doors, and keep what it answers."""
        answer: Any = self.client.post(f"{V1}auth/{name}/", body, content_type="application/json")
        if answer.status_code == 200 and "access" in answer.json():
            self.access, self.refresh_token = answer.json()["access"], answer.json()["refresh"]
        return answer

    def sign_in(self, person: User, password: str = PASSWORD, **more: Any) -> Any:
        """Send email and password."""
        return self.post("login", email=person.email, password=password, **more)

    def refresh(self, token: str = "") -> Any:
        """Ask for the next tokens."""
        return self.post("refresh", refresh=token or self.refresh_token)

    def get(self, path: str, token: str = "") -> Any:
        """Ask for an address below `/api/v1/`."""
        return self.client.get(V1 + path, headers=self.headers(token))

    def send(self, path: str, **body: Any) -> Any:
        """Send JSON to an address below `/api/v1/`."""
        return self.client.post(V1 + path, body, content_type="application/json", headers=self.headers())

    def headers(self, token: str = "") -> dict[str, str]:
        """Return the header with the access token."""
        return {"Authorization": f"Bearer {token or self.access}"}

    def is_in(self) -> bool:
        """Tell whether the access token is taken."""
        status: int = self.get("approvals/").status_code
        return status == 200


def families_of(world: World) -> list[tuple[int, str]]:
    """Return number and end of each family of the first tenant."""
    with tenant_scope(world.acme.pk):
        return list(TokenFamily.objects.order_by("pk").values_list("number", "ended_why"))
