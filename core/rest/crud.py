"""Actions of the API that only call a service, such as create, update and destroy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.rest.idempotency import Handler, idempotent, idempotent_outside_transaction
from core.rest.views import ApiViewSet

Service = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """An action that only calls a service. The view set says in `descriptions` what it does."""

    service: Service
    repeated: Callable[[Handler], Handler] | None = None
    options: Mapping[str, Any] | None = None

    def __set_name__(self, owner: type[ApiViewSet], name: str) -> None:
        def call(view: ApiViewSet, request: Request, **kwargs: Any) -> Response:
            return view.call_service(self.service)

        call.__name__, call.__qualname__, call.__doc__ = name, f"{owner.__qualname__}.{name}", owner.descriptions[name]
        handler = self.repeated(call) if self.repeated else call
        if self.options is not None:
            handler = action(**{"url_path": name.replace("_", "-"), **self.options})(handler)
        setattr(owner, name, handler)


def calls(service: Service) -> Any:
    """Return an action that calls a service: a GET, PUT, PATCH or DELETE."""
    return ServiceCall(service)


def creates(service: Service, *, outside: bool = False) -> Any:
    """Return an action that a POST repeats safely; `outside` of a transaction, where the service calls others."""
    return ServiceCall(service, idempotent_outside_transaction if outside else idempotent)


def acts(service: Service, *, outside: bool = False, detail: bool = True, **options: Any) -> Any:
    """Return an action with an address of its own, to which one POSTs; `options` are those of `action`."""
    options = {"detail": detail, "methods": ["post"], **options}
    return ServiceCall(service, idempotent_outside_transaction if outside else idempotent, options)
