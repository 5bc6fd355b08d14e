"""Errors as the Graph API answers them.

Their shape is read by `facebook_business.exceptions.FacebookRequestError` (26.0.3): message, type, code, error_subcode,
is_transient, error_user_title, error_user_msg and `error_data` with the fields to blame. Codes and subcodes are those
of Meta's pages on rate limiting and errors, and of what users of the API report (1885272, 1885621, 1487632).
"""

import json
import uuid

from standins.errors import ApiError

# Limits by the code that a script names: subcode and words.
LIMITS = {
    "4": (1504022, "Application request limit reached"),
    "17": (2446079, "User request limit reached"),
    "613": (1487742, "There have been too many calls from this ad-account. Wait a bit and try again."),
    "80004": (2446079, "There have been too many calls to this ad-account. Wait a bit and try again."),
}


def graph_error(
    code: int, message: str, *, subcode: int = 0, status: int = 400, said: str = "", blame: str = ""
) -> ApiError:
    """Return an error in the form of the Graph API; `said` is for people, `blame` a wrong field."""
    error = ApiError(status, str(code), message)
    body: dict[str, object] = {"message": message, "type": "OAuthException", "code": code}
    if subcode:
        body["error_subcode"] = subcode
    if said:
        body |= {"is_transient": False, "error_user_title": said.partition(".")[0], "error_user_msg": said}
    if blame:
        body["error_data"] = json.dumps({"blame_field_specs": [[blame]]})
    error.body = {"error": {**body, "fbtrace_id": "A" + uuid.uuid4().hex[:22]}}
    return error


def limit_error(code: str) -> ApiError:
    """Return a limit by its code."""
    subcode, words = LIMITS.get(code, LIMITS["17"])
    number = int(code) if code in LIMITS else 17
    return graph_error(number, f"(#{number}) {words}", subcode=subcode)


def invalid_parameter(message: str, *, subcode: int = 0, said: str = "", blame: str = "") -> ApiError:
    """Return the error of a wrong parameter."""
    return graph_error(100, message, subcode=subcode, said=said, blame=blame)


def no_such_field(name: str, node: str) -> ApiError:
    """Return the error of a field or edge that a node doesn't have."""
    return graph_error(100, f"(#100) Tried accessing nonexisting field ({name}) on node type ({node})")


def no_such_object(ident: str) -> ApiError:
    """Return the error of an object that is missing or another one's: the two are not told apart."""
    words = f"Unsupported request. Object with ID '{ident[:40]}' does not exist, cannot be loaded due to missing "
    return graph_error(100, f"{words}permissions, or does not support this operation.", subcode=33)
