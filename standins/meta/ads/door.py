"""Requests to the Marketing API: who asks, with which token, and the headers of the answer."""

import json
import math
from email.message import Message

from standins.ads import PAGE
from standins.consent import POLICY
from standins.errors import ApiError
from standins.meta.ads.errors import graph_error, limit_error, no_such_field
from standins.meta.ads.graph import Graph
from standins.script import Rule
from standins.store import Document
from standins.web import Content

USAGE = "X-Business-Use-Case-Usage"
Answer = tuple[int, Document | Content, dict[str, str]]


def answer(graph: Graph, method: str, rest: str, params: Document, headers: Message) -> Answer:
    """Return status, body and headers of a request; `rest` is its address below the version."""
    login = graph.login
    try:
        if rest == "dialog/oauth":
            return _consent(graph, method, params)
        if rest == "oauth/access_token":
            return 200, login.give_token(params), {}
        given = str(params.get("access_token", ""))
        if rest == "debug_token":
            app = login.page.app
            if given != f"{app.client_id}|{app.secret}":
                raise graph_error(190, "Invalid OAuth access token signature.")
            return 200, login.describe(str(params.get("input_token", ""))), {}
        scheme, _, token = str(headers.get("Authorization", "")).partition(" ")
        if scheme.lower() != "bearer":
            # The vendor takes it too, but addresses end up in logs: only a judge may send it there.
            token = given if graph.behaviour.query_tokens else ""
        if not token:
            raise graph_error(190, "An active access token must be used to query information about the current user.")
        found = login.require(token, str(params.get("appsecret_proof", "")))
        if rest.startswith("me/permissions"):
            if method != "DELETE":
                return 200, login.permissions(found), {}
            scope = rest.removeprefix("me/permissions").strip("/")
            graph.store.withdraw(found.person, (scope,) if scope else ())
            return 200, {"success": True}, {}
        if method not in ("GET", "POST"):
            raise no_such_field(rest.rpartition("/")[2], "stand-in")
        return 200, graph.answer(method, rest, params, found), usage(graph.behaviour.quota_used)
    except ApiError as error:
        return error.status, error.body, {}


def _consent(graph: Graph, method: str, params: Document) -> Answer:
    page = graph.login.page
    if method != "POST":
        return *page.show(params), {"Content-Security-Policy": POLICY}
    address, problem = page.press(graph.store, params)
    if problem:
        return 400, ("text/plain; charset=utf-8", problem.encode()), {}
    return 302, ("text/plain", b""), {"Location": address}


def people_page() -> tuple[int, Content, dict[str, str]]:
    """Return the page on which somebody changes campaigns on the platform."""
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:"
    )
    return 200, ("text/html; charset=utf-8", PAGE.read_bytes()), {"Content-Security-Policy": policy}


def usage(per_cent: int, minutes: int = 0) -> dict[str, str]:
    """Return the header that tells how much of the quota is used, and in how many minutes calls are taken again."""
    counted = {"type": "ads_management", "call_count": per_cent, "total_cputime": per_cent, "total_time": per_cent}
    facts = {**counted, "estimated_time_to_regain_access": minutes, "ads_api_access_tier": "standard_access"}
    return {USAGE: json.dumps({"1": [facts]})}


def scripted(rule: Rule) -> tuple[int, Document, dict[str, str]]:
    """Return a scripted failure, or a limit by the vendor's code."""
    if rule.do == "429":
        error = limit_error(rule.code)
        return error.status, error.body, usage(100, math.ceil(rule.retry_after / 60))
    code = int(rule.code) if rule.code.isdigit() else 2
    return rule.status, graph_error(code, "(#2) Service temporarily unavailable").body, {}
