"""Examples of bodies and answers in the OpenAPI document: invented, and free of personal data."""

from collections.abc import Mapping
from typing import Any, Final

SCHEMAS: Final = "#/components/schemas/"
_ID: Final = "01980d5e-7c1a-7b3e-9f52-3d1c8a6b4e21"
_DIGEST: Final = "9f2b6c1d" * 8
_LEVELS: Final = [{"name": "Marketing lead", "approvers": [{"type": "role", "value": "approver"}], "quorum": 1}]
_POINTS: Final = [
    {
        "id": _ID,
        "kind": "phone",
        "value": "+1•••••••00",
        "is_verified": True,
        "is_primary": True,
        "created_at": "2026-05-04T09:30:00Z",
    }
]
_ALLOWED: Final = ["conversations.view_conversation", "hitl.view_approval"]
_PARAMS: Final = {"campaign": "Summer Sale", "daily_budget": "850.00"}
BY_NAME: Final[Mapping[str, Any]] = {
    "action": "APPROVAL_PROPOSE",
    "actor_name": "Sam Example",
    "address": "+15555550100",
    "advice": "Write within 24 hours of the customer's last message, or send the template.",
    "at": "2026-05-04T09:30:00Z",
    "channel": "api",
    "code": "window_closed",
    "content_type": "text/plain",
    "currency": "EUR",
    "custom": {"ticket": "MKT-311"},
    "decided_as": "approve",
    "decided_name": "Sam Example",
    "decided_role": "approver",
    "detail": "The reply window has closed.",
    "digest": _DIGEST,
    "draft": {"weights": {"cost": 2}},
    "email": "sam@example.com",
    "error": "",
    "evidence": "The platform shows the new budget since 09:41.",
    "facts": {"daily_budget": "500.00"},
    "failure": "",
    "fields": ["messages"],
    "flag": "legal",
    "hash": _DIGEST,
    "instructions": "Answer questions about deliveries. Be brief.",
    "kind": "set_campaign_budget",
    "language": "en",
    "link": "/admin/",
    "masked_address": "s•••@example.com",
    "model": "sandbox",
    "name": "Sam Example",
    "next": None,
    "notes": "Spring push",
    "payload": _PARAMS,
    "params": _PARAMS,
    "provider": "twilio",
    "purpose": "marketing",
    "q": "delivery",
    "reason": "Fits the plan.",
    "reference": "BR-1042",
    "reply_refusal": "",
    "role": "approver",
    "risk_level": "low",
    "sender_name": "Sam Example",
    "seq": 1042,
    "state": "pending",
    "status": "delivered",
    "summary": "Raise the daily budget of Summer Sale from 500.00 to 850.00 EUR",
    "tag": "vip",
    "tags": ["spring"],
    "text": "Your parcel arrives tomorrow.",
    "title": "BR-1042 needs your approval",
    "url": "/api/v1/erasures/01980d5e-7c1a-7b3e-9f52-3d1c8a6b4e21/",
    "verdict": "approve",
    "webhook_id": "msg_01980d5e7c1a7b3e",
    "week": {"mon": [["09:00", "17:00"]]},
    "zone": "Europe/Berlin",
}
"""Values by the name of the field, where they fit its type and no component says otherwise."""
LEFT_OUT: Final = object()
"""An optional field that the example does without."""
BY_COMPONENT: Final[Mapping[str, Mapping[str, Any]]] = {
    "AccountSummary": {"name": "Support line", "kind": "whatsapp"},
    "ActivatedInstallation": {"active": True},
    "Agent": {"name": "Deliveries", "is_active": True},
    "AgentDetail": {"name": "Deliveries", "is_active": True, "tools": ["find_order"]},
    "Approval": {
        "holds": [],
        "requester_kind": "user",
        "risk_score": 25,
        "votes_received": 0,
        "compliance_flags": [],
        "on_platform": None,
    },
    "ApprovalDetail": {
        "holds": [],
        "requester_kind": "user",
        "risk_score": 25,
        "votes_received": 0,
        "compliance_flags": [],
        "on_platform": None,
        "preview": {"daily_budget": {"from": "500.00", "to": "850.00"}},
        "risk_factors": {"cost": 25},
        "drift": [],
        "excluded": [],
        "contact_tags": [],
        "levels": _LEVELS,
        "may_decide": True,
        "stopped": [],
        "rounds": 0,
        "escalation_step": 0,
        "reminder_count": 0,
    },
    "ChangingManyRequest": {
        "change": "assign",
        **dict.fromkeys(("team_id", "add", "remove", "priority", "resolved"), LEFT_OUT),
    },
    "Calendar": {"name": "Berlin office", "holidays": [{"day": "2026-05-01", "name": "Labour Day"}]},
    "Cap": {"scope": "kind", "target": "set_campaign_budget", "amount": "5000.00", "used": "850.00", "is_active": True},
    "Consent": {"channel": "whatsapp", "state": "withdrawn", "source": "api", "way": "", "evidence": ""},
    "ConsentWording": {"text": "Send me offers once a week."},
    "Contact": {"points": _POINTS},
    "ContactDetail": {
        "points": _POINTS,
        "unreachable": [],
        "opt_outs": [{"channel": "whatsapp", "purpose": "marketing"}],
    },
    "ConversationDetail": {"can_reply": True, "can_send_template": True, "tags": []},
    "Erasure": {"counts": {"messages": 12}, "waits_for": [], "still_named": []},
    "Flag": {"name": "legal", "label": "Needs legal"},
    "Group": {"name": "Marketing leads"},
    "Message": {
        "direction": "out",
        "sender_type": "person",
        "content_type": "text",
        "media": [],
        "metadata": {},
    },
    "Settings": {"channels_on": ["email"], "gather": "none", "every": "hourly", "per_hour": 30},
    "Organisation": {"name": "Acme Shoes", "slug": "acme-shoes", "company_sign_in": "off"},
    "OrganisationChangeRequest": {"name": "Acme Shoes", "support_name": "Acme support", "zone": LEFT_OUT},
    "Role": {"key": "own-night-lead", "name": "Night lead", "permissions": _ALLOWED},
    "RoleEffect": {"gained": ["hitl.decide_approval"], "lost": [], "sees": "", "given_to": ["the group “nights”"]},
    "RoleRequest": {"name": "Night lead", "permissions": _ALLOWED},
    "RoleChangeRequest": {"name": "Night lead", "permissions": _ALLOWED},
    "RolePreviewRequest": {"name": "Night lead", "permissions": _ALLOWED},
    "RoleUse": {"name": "Larger budgets", "url": f"/admin/hitl/approvalworkflow/{_ID}/change/"},
    "Setting": {"key": "name", "value": "Acme Shoes", "description": "The organisation's name.", "is_public": True},
    "NewShareRequest": {"kind": "conversation", "level": "see", "reason": "Helps with the claim", "role": "support"},
    "SettingChange": {"key": "name", "value": "Acme Shoes"},
    "Use": {"key": "members", "name": "Members"},
    "SuggestedReply": {"state": "open", "reason": "low_confidence", "confidence": 35, "sources": []},
    "Macro": {"name": "Parcel is lost", "steps": {"note": {"text": "Asked the carrier."}, "close": {"resolved": True}}},
    "MacroRequest": {"name": "Parcel is lost", "steps": {"close": {"resolved": True}}, "team_id": None},
    "MacroChangeRequest": {"name": "Parcel is lost", "steps": {"close": {"resolved": True}}, "team_id": None},
    "Survey": {"rating": 4, "comment": "Quick and friendly.", "way": "widget"},
    "TriageRule": {"name": "Refunds", "condition": '"refund" in words', "priority": None},
    "TriageRuleRequest": {"name": "Refunds", "condition": '"refund" in words'},
    "TriageRuleChangeRequest": {"name": "Refunds", "condition": '"refund" in words'},
    "Tag": {"name": "Returns", "colour": "warn"},
    "TagRequest": {"name": "Returns", "colour": "warn"},
    "TagChangeRequest": {"name": "Returns", "colour": "warn"},
    "CustomField": {"key": "tier", "name": "Tier", "kind": "list", "options": ["Gold", "Silver"]},
    "CustomFieldRequest": {"key": "tier", "name": "Tier", "kind": "list", "options": ["Gold", "Silver"]},
    "CustomFieldChangeRequest": {"name": "Tier", "options": ["Gold", "Silver"]},
    "CustomValuesRequest": {"values": {"tier": "Gold", "order_number": None}},
    "Workflow": {"name": "Larger budgets", "says": "Marketing leads approve budgets above 500.00 EUR."},
    "AgentEditRequest": {"name": "Deliveries", "tools": []},
    "CalendarChangeRequest": {"name": "Berlin office"},
    "CalendarRequest": {"name": "Berlin office"},
    "CapRequest": {"scope": "kind", "target": "set_campaign_budget", "amount": "5000.00"},
    "CapChangeRequest": {"amount": "5000.00"},
    "ChannelAccount": {
        "kind": "whatsapp",
        "name": "Support line",
        "address": "+15555550100",
        "origins": [],
        "is_active": True,
    },
    "CopyNameRequest": {"name": "Deliveries, second try"},
    "CopyRequest": {"name": "Larger budgets"},
    "DelegationRequest": {"from_person": None, "starts_at": None, "until": "2026-05-11T08:00:00Z"},
    "EscalatingRequest": {"reason": "needs_specialist"},
    "FlagRequest": {"name": "legal", "label": "Needs legal", "condition": ""},
    "FlagChangeRequest": {"label": "Needs legal", "condition": ""},
    "GroupChangeRequest": {"name": "Marketing leads"},
    "GroupRequest": {"name": "Marketing leads"},
    "HolidayRequest": {"name": "Labour Day", "day": "2026-05-01"},
    "LoginRequest": {
        "password": "correct horse battery staple",
        **dict.fromkeys(("organisation", "ticket", "code"), LEFT_OUT),
    },
    "NewAgentRequest": {"name": "Deliveries", "tools": []},
    "NewPersonRequest": {"wish": "", **dict.fromkeys(("membership_id", "purpose"), LEFT_OUT)},
    "NewWordingRequest": {"text": "Send me offers once a week."},
    "RecordingConsentRequest": {
        "address": "+15555550100",
        "kind": "phone",
        "channel": "whatsapp",
        "way": "form",
        "place": "https://shop.example/newsletter",
        "evidence": "Form 12",
        "expires_at": "2028-05-04T09:30:00Z",
    },
    "RegisterRequest": {
        "password": "correct horse battery staple",
        "first_name": "Sam",
        "last_name": "Example",
        "invitation": LEFT_OUT,
    },
    "RevealRequest": {"object": f"conversation:{_ID}", "reason": "The customer asked us to call back."},
    "RiskPolicyRequest": {"weights": {"cost": 2}, "kind_points": {}},
    "SettingsRequest": {"channels_on": ["email"], "quiet_from": "22:00", "quiet_until": "07:00"},
    "SimulationRequest": {"what": "risk"},
    "VerifyEmailRequest": {
        "token": "01980d5e7c1a7b3e9f523d1c8a6b4e21.Zm9yIGV4YW1wbGU",
        "password": "correct horse battery staple",
    },
    "SwitchRequest": {
        "scope": "kind",
        "target": "set_campaign_budget",
        "reason": "The platform reports wrong budgets.",
    },
    "TaggingRequest": {"name": "vip", "present": True},
    "WorkflowChangeRequest": {"name": "Larger budgets", "levels": _LEVELS, "conditions": {"priority": 5}},
    "WorkflowReplacementRequest": {"name": "Larger budgets", "levels": _LEVELS, "conditions": {"priority": 5}},
    "WorkflowRequest": {"name": "Larger budgets", "levels": _LEVELS, "conditions": {"priority": 5}},
}
KNOWN: Final = frozenset(
    "cost requester conversation_id workflow_id contact_id channel_account_id agent_id version made_by".split()
)
"""Fields that are filled although they may be null."""
_BY_FORMAT: Final[Mapping[str, Any]] = {
    "uuid": _ID,
    "date-time": "2026-05-04T09:30:00Z",
    "date": "2026-05-04",
    "email": "sam@example.com",
    "uri": "https://walker.example/api/v1/",
    "decimal": "850.00",
    "binary": "(the bytes of a file)",
}
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def with_examples(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Show an example of every body and of every answer that is not a file."""
    components = result.setdefault("components", {})
    schemas, examples = components.get("schemas", {}), {}
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            answers = [answer for code, answer in operation["responses"].items() if code.startswith("2")]
            for part in [operation.get("requestBody", {}), *answers]:
                for kind, content in part.get("content", {}).items():
                    schema = content.get("schema", {})
                    name = str(schema.get("$ref", "")).removeprefix(SCHEMAS)
                    if name:
                        examples[name] = {"value": _example(schema, schemas)}
                        content["examples"] = {"usual": {"$ref": f"#/components/examples/{name}"}}
                    elif kind == "application/json":
                        content["examples"] = {"usual": {"value": _example(schema, schemas)}}
    components["examples"] = dict(sorted(examples.items()))
    return result


def _example(schema: Any, schemas: Mapping[str, Any], name: str = "", component: str = "") -> Any:
    """Return a value that the schema allows; `name` is the field's and `component` the one that it belongs to."""
    said = BY_COMPONENT.get(component, {})
    if name in said:
        return said[name]
    if "$ref" in schema:
        inner = schema["$ref"].removeprefix(SCHEMAS)
        return _example(schemas[inner], schemas, name, "" if name in said else f"{inner}")
    for choice in ("allOf", "oneOf", "anyOf"):
        if choice in schema and {"type": "null"} in schema[choice] and name not in KNOWN:
            return None
        if choice in schema:
            return _example(schema[choice][0], schemas, name, component)
    if "enum" in schema:
        return BY_NAME[name] if BY_NAME.get(name) in schema["enum"] else schema["enum"][0]
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    if "null" in types and name not in KNOWN:
        return None
    if "properties" in schema:
        fields = schema["properties"].items()
        return {key: _example(field, schemas, key, component) for key, field in fields if said.get(key) is not LEFT_OUT}
    is_named = "format" not in schema and "example" not in schema and name in BY_NAME
    if is_named and (not types or any(isinstance(BY_NAME[name], _TYPES[each]) for each in types)):
        return BY_NAME[name]
    return _plain(schema, schemas, types[0] if types else "object", name)


def _plain(schema: Any, schemas: Mapping[str, Any], type_: str, name: str) -> Any:
    if "example" in schema:
        return schema["example"]
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    if type_ == "array":
        return [_example(schema["items"], schemas, name.removesuffix("s"))]
    if type_ in ("integer", "number"):
        return schema.get("default", max(schema.get("minimum", 1), 1))
    if type_ == "boolean":
        return schema.get("default", False)
    if type_ == "object":
        return {}
    return schema.get("default") or ("text"[: schema["maxLength"]] if schema.get("minLength") else "")
