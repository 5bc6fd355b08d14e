"""The MCP endpoint: `POST /mcp/<agent>/` with the token of one run."""

from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.models import Tenant
from agents.answering.runs.watch import Ended
from agents.answering.tool_calls import ToolBroke
from agents.langflow.tokens import RunToken, TrialToken, read_token
from agents.mcp import limits, live_tools, protocol, trial_tools
from agents.mcp.protocol import Request, RpcError
from core.errors import TooMany, WalkerError
from core.tenancy.scope import tenant_scope

BODY_LIMIT: Final = 64 * 1024
LONGEST_NAME: Final = 60
INSTRUCTIONS: Final = (
    "Tools of the company's desk for this one conversation. A tool that changes something only asks the company's "
    "people: say that it waits for approval, never that it is done."
)
NO_TOKEN: Final = "The token of a run is missing, not valid or expired."  # noqa: S105
OVER: Final = "The run of this token is over."
Door = live_tools.OpenRun | trial_tools.OpenTrial


@csrf_exempt  # carries no cookie and trusts none: the token is the proof
def serve_tools(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Answer one JSON-RPC request of the flow that answers a run; there is no stream to listen to."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        body = _read(request)
        token = _token_of(request)
        with tenant_scope(token.tenant_id):
            if not Tenant.objects.filter(pk=token.tenant_id, is_active=True).exists():
                raise _refused(OVER, 403)
            found = trial_tools.open_trial(token) if isinstance(token, TrialToken) else live_tools.open_run(token)
            if found.version.agent_id != agent_id:
                raise _refused(NO_TOKEN, 401)
            wanted = protocol.read_request(body)
            if wanted is None or wanted.key is None:
                return HttpResponse(status=202)
            result = _answer(found, wanted)
    except RpcError as problem:
        headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else {}
        return _respond(problem.as_dict(), problem.status, headers)
    except Ended:
        return _respond(RpcError(protocol.REFUSED, OVER).as_dict(), 403)
    except TooMany as problem:
        error = RpcError(protocol.REFUSED, problem.detail)
        return _respond(error.as_dict(), 429, {"Retry-After": str(limits.MINUTE)})
    except WalkerError as problem:
        return _respond(RpcError(protocol.REFUSED, problem.detail).as_dict(), problem.status)
    return _respond(protocol.answer(wanted, result))


def _answer(found: Door, wanted: Request) -> dict[str, Any]:
    """Return the result of a request. Raises `RpcError`, `Ended` and `WalkerError`."""
    match wanted.method:
        case "initialize":
            return protocol.initialized(wanted.params, instructions=INSTRUCTIONS)
        case "ping":
            return {}
        case "tools/list":
            harmless = {"destructiveHint": False, "openWorldHint": False}
            shown = [
                {
                    "name": tool.name,
                    "title": tool.title,
                    "description": tool.description,
                    "inputSchema": dict(tool.parameters),
                    "annotations": {"readOnlyHint": not tool.acting, **harmless},
                }
                for tool in found.tools()
            ]
            return {"tools": shown}
        case "tools/call":
            name, arguments = wanted.params.get("name"), wanted.params.get("arguments") or {}
            if not isinstance(name, str) or not name or len(name) > LONGEST_NAME or not isinstance(arguments, dict):
                raise RpcError(protocol.BAD_PARAMS, "Name a tool, and its arguments.", key=wanted.key, status=200)
            try:
                line = found.call(key=f"mcp-{wanted.key}", name=name, arguments=arguments)
            except ToolBroke as broken:
                return protocol.tool_result(protocol.as_json({"error": str(broken)}), is_error=True)
            return protocol.tool_result(line.text, is_error="error" in line.result)
    raise RpcError(protocol.NO_METHOD, "There is no such method.", key=wanted.key, status=200)


def _read(request: HttpRequest) -> bytes:
    """Return the body. Raises `RpcError` for a page of another site, another type, or too many bytes."""
    origin = request.headers.get("Origin", "")
    if origin and origin != "{0.scheme}://{0.netloc}".format(urlsplit(settings.PUBLIC_URL)):
        raise _refused("Pages of other sites have no business here.", 403)
    if request.content_type != "application/json":
        raise _refused("Send JSON.", 415)
    if request.headers.get("MCP-Protocol-Version", protocol.VERSIONS[0]) not in protocol.VERSIONS:
        raise _refused("This version of MCP is not spoken here.", 400)
    length = request.META.get("CONTENT_LENGTH") or "0"
    try:
        body = request.body if length.isdigit() and int(length) <= BODY_LIMIT else b""
    except (OSError, SuspiciousOperation):
        body = b""
    if not 0 < len(body) <= BODY_LIMIT:
        raise _refused(f"Send one request of at most {BODY_LIMIT} bytes.", 413)
    return body


def _token_of(request: HttpRequest) -> RunToken | TrialToken:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    token = read_token(secret.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise _refused(NO_TOKEN, 401)
    return token


def _refused(message: str, status: int) -> RpcError:
    return RpcError(protocol.REFUSED, message, status=status)


def _respond(document: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    answer = JsonResponse(document, status=status, headers=headers or {})
    answer["Cache-Control"] = "no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
