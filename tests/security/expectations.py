"""What every URL answers to each caller: a URL without a row here, or a row without a URL, fails a test."""

from dataclasses import dataclass
from typing import Final

AUDITED: Final = frozenset({"core_auditentry", "core_audithead"})
ANCHORED: Final = AUDITED | {"core_auditanchor"}
SEEN: Final = AUDITED | {"conversations_conversation"}


@dataclass(frozen=True)
class Answers:
    """Statuses of one method: to a stranger, a viewer, an owner of another tenant and the owner."""

    stranger: int
    viewer: int
    outsider: int
    owner: int | None = None

    def to(self, who: str) -> int | None:
        """Return the status that the visitor gets."""
        status: int | None = getattr(self, who)
        return status


@dataclass(frozen=True)
class Row:
    """One URL. `leaves` names the tables that the owner's GET writes to: records of what was seen."""

    get: Answers
    post: Answers
    leaves: frozenset[str] = frozenset()


# Lists: outsiders see their own. Pages and actions: another tenant's object is like an absent one.
LIST = Row(Answers(302, 403, 200, 200), Answers(302, 405, 405))
OPEN_LIST = Row(Answers(302, 200, 200, 200), Answers(302, 405, 405))
PAGE = Row(Answers(302, 403, 404, 200), Answers(302, 405, 405))
OPEN_PAGE = Row(Answers(302, 200, 404, 200), Answers(302, 405, 405))
CHAT_PAGE = Row(OPEN_PAGE.get, OPEN_PAGE.post, leaves=SEEN)
ACTION = Row(Answers(302, 403, 404, 200), Answers(302, 403, 404))
LIST_ACTION = Row(Answers(302, 403, 200, 200), Answers(302, 403, 400))
HEALTH = Row(Answers(200, 200, 200, 200), Answers(405, 405, 405))
PUBLIC = Row(Answers(200, 200, 200, 200), Answers(200, 200, 200))
# The own second factor: none is set up, and what counts asks for the password again.
OWN_FACTOR = Row(Answers(302, 302, 302, 302), Answers(302, 302, 302))
NO_FACTOR = Row(Answers(302, 404, 404, 404), Answers(302, 404, 404))

ACCOUNT: Final = {
    "front_door": Row(Answers(302, 302, 302, 302), Answers(302, 302, 302)),
    "switch_tenant": Row(Answers(405, 405, 405, 405), Answers(302, 302, 302)),
    "mail_preference": Row(Answers(302, 200, 200, 200), Answers(302, 302, 302)),
    "account_login": PUBLIC,
    "account_logout": Row(Answers(302, 200, 200, 200), Answers(302, 302, 302)),
    "account_reauthenticate": Row(Answers(302, 200, 200, 200), Answers(302, 200, 200)),
    "account_change_password": Row(Answers(302, 200, 200, 200), Answers(302, 200, 200)),
    # Without mail of the installation nobody is sent a link, and all are told so.
    "forgot_password": Row(PUBLIC.get, Answers(503, 503, 503, 503)),
    "new_password": Row(Answers(404, 404, 404, 404), Answers(404, 404, 404)),  # none of ours
    "invitation": Row(Answers(404, 404, 404, 404), Answers(404, 404, 404)),  # none of ours
    "mfa_index": Row(Answers(302, 200, 200, 200), Answers(302, 405, 405)),
    "mfa_authenticate": OWN_FACTOR,
    "mfa_reauthenticate": OWN_FACTOR,
    "mfa_activate_totp": OWN_FACTOR,
    "mfa_deactivate_totp": NO_FACTOR,
    "mfa_view_recovery_codes": Row(NO_FACTOR.get, Answers(302, 405, 405)),
    "mfa_generate_recovery_codes": OWN_FACTOR,
    "mfa_download_recovery_codes": NO_FACTOR,
}
DOORS: Final = {
    "healthz": HEALTH,
    "readyz": Row(Answers(503, 503, 503, 503), Answers(405, 405, 405)),  # no worker beats in the tests
    "metrics": Row(Answers(403, 403, 403, 403), Answers(405, 405, 405)),  # no token is set, and this is no demo
    "widget_session": Row(Answers(405, 405, 405, 405), Answers(400, 400, 400)),
    "widget_script": PUBLIC,
    "widget_file": Row(Answers(401, 401, 401, 401), Answers(405, 405, 405)),  # nobody here has a visitor's token
    "channel_file": Row(Answers(404, 404, 404, 404), Answers(405, 405, 405)),  # none of ours
    "whatsapp_webhook": Row(Answers(405, 405, 405, 405), Answers(403, 403, 403)),  # nothing here signs
    "cloud_webhook": Row(Answers(403, 403, 403, 403), Answers(403, 403, 403)),
    "app_messages": Row(Answers(405, 405, 405, 405), Answers(403, 403, 403)),
    "email_events": Row(Answers(405, 405, 405, 405), Answers(403, 403, 403)),
    "slack_interactivity": Row(Answers(405, 405, 405, 405), Answers(401, 401, 401)),
    "email_inbound": Row(Answers(405, 405, 405, 405), Answers(403, 403, 403)),
    "whatsapp_status": Row(Answers(405, 405, 405, 405), Answers(403, 403, 403)),
    "hosted_chat": PUBLIC,
    "evidence_keys": HEALTH,  # public keys
    "evidence_verifier": HEALTH,  # a program
    "decision_link": Row(Answers(404, 404, 404, 404), Answers(404, 404, 404)),  # none of ours
    "brief_unsubscribe": Row(Answers(404, 404, 404, 404), Answers(404, 404, 404)),  # nothing here signs
    "hosted_chat_identity": Row(Answers(404, 404, 404, 404), Answers(404, 404, 404)),  # the demo's only
}
CONSOLE: Final = {
    "admin:index": Row(Answers(302, 200, 200, 200), Answers(302, 200, 200)),
    "admin:login": Row(Answers(200, 302, 302, 302), Answers(200, 200, 200)),
    "admin:logout": Row(Answers(302, 405, 405, 405), Answers(302, 302, 302)),
    "admin:jsi18n": OPEN_LIST,
    "admin:push_worker": HEALTH,
    "admin:accounts_notice_push": Row(Answers(302, 200, 200, 200), Answers(302, 400, 400)),
    "admin:accounts_notice_push_off": Row(Answers(302, 200, 200, 200), Answers(302, 302, 302)),
    "admin:go": Row(Answers(302, 200, 200, 200), Answers(302, 200, 200, 200)),
    "admin/(?P<url>.*)$": Row(Answers(302, 404, 404, 404), Answers(302, 404, 404)),
    "admin:accounts_membership_changelist": LIST,
    "admin:accounts_membership_change": PAGE,
    "admin:accounts_membership_role": ACTION,
    "admin:accounts_membership_remove": ACTION,
    "admin:accounts_membership_erase": ACTION,
    "admin:accounts_membership_invite": LIST_ACTION,
    "admin:accounts_invitation_changelist": LIST,
    "admin:accounts_invitation_change": PAGE,
    "admin:accounts_invitation_resend": ACTION,
    "admin:accounts_invitation_withdraw": ACTION,
    "admin:core_erasure_changelist": LIST,
    "admin:core_erasure_change": PAGE,
    "admin:accounts_apikey_changelist": LIST,
    "admin:accounts_apikey_change": PAGE,
    "admin:accounts_apikey_create": Row(Answers(302, 403, 200, 200), Answers(302, 403, 200)),  # their own key
    "admin:accounts_apikey_revoke": ACTION,
    "admin:core_auditentry_changelist": LIST,
    "admin:core_auditentry_change": PAGE,
    "admin:core_auditentry_verify": Row(Answers(302, 403, 200, 200), Answers(302, 403, 302)),  # their own chain
    "admin:core_deadletter_changelist": LIST,
    "admin:core_deadletter_change": PAGE,
    "admin:core_deadletter_replay": ACTION,
    "admin:core_deadletter_discard": ACTION,
}
WORK: Final = {
    "admin:hitl_approval_changelist": OPEN_LIST,
    "admin:hitl_approval_change": OPEN_PAGE,
    "admin:hitl_approval_next": Row(Answers(302, 302, 302, 302), Answers(302, 405, 405)),
    "admin:hitl_approval_approve": ACTION,
    "admin:hitl_approval_reject": ACTION,
    "admin:hitl_approval_evidence": ACTION,
    "admin:hitl_evidenceexport_changelist": LIST,
    "admin:hitl_evidenceexport_change": PAGE,
    "admin:hitl_evidenceexport_new": LIST_ACTION,
    "admin:hitl_evidenceexport_stop": ACTION,
    "admin:hitl_evidenceexport_file": ACTION,
    "admin:hitl_evidenceexport_register": ACTION,
    "admin:hitl_approval_hold": ACTION,
    "admin:hitl_approval_flag": ACTION,
    "admin:hitl_approval_unflag": ACTION,
    "admin:hitl_approval_release": ACTION,
    "admin:hitl_approval_revoke": ACTION,
    "admin:hitl_approval_undo": ACTION,
    "admin:hitl_approval_cancel": ACTION,
    "admin:hitl_approval_resolve": ACTION,
    "admin:hitl_killswitch_changelist": OPEN_LIST,
    "admin:hitl_killswitch_change": OPEN_PAGE,
    "admin:hitl_killswitch_stop": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:hitl_killswitch_release": ACTION,
    "admin:hitl_killswitch_release_installation": Row(Answers(302, 403, 200, 200), Answers(302, 403, 403)),
    "admin:hitl_approval_edit": ACTION,
    "admin:hitl_approval_edit_approve": ACTION,
    "admin:hitl_approval_ask": ACTION,
    "admin:hitl_approval_answer": ACTION,
    "admin:hitl_approval_send_back": ACTION,
    "admin:hitl_approval_resubmit": ACTION,
    "admin:hitl_approval_delegate": ACTION,
    "admin:hitl_approval_reassign": ACTION,
    "admin:hitl_approval_override": ACTION,
    "admin:hitl_approval_review": ACTION,
    "admin:hitl_approval_escalate": ACTION,
    "admin:hitl_approval_probe": ACTION,
    "admin:hitl_approval_new": LIST_ACTION,
    "admin:hitl_approval_note": Row(OPEN_PAGE.get, Answers(302, 302, 404)),
    "admin:hitl_approval_export": LIST_ACTION,
    "admin:hitl_approval_batch": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:hitl_batchdecision_changelist": OPEN_LIST,
    "admin:hitl_batchdecision_change": OPEN_PAGE,
    "admin:hitl_batchdecision_undo": ACTION,
    "admin:hitl_delegation_changelist": LIST,
    "admin:hitl_delegation_change": PAGE,
    "admin:hitl_delegation_away": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:hitl_delegation_end": ACTION,
    "admin:hitl_simulation_changelist": LIST,
    "admin:hitl_simulation_change": PAGE,
    "admin:hitl_simulation_stop": ACTION,
    "admin:hitl_simulation_again": ACTION,
    "admin:hitl_simulation_save": ACTION,
    "admin:hitl_approvalworkflow_changelist": LIST,
    "admin:hitl_approvalworkflow_change": PAGE,
    "admin:hitl_approvalworkflow_create": LIST_ACTION,
    "admin:hitl_approvalworkflow_try": LIST_ACTION,
    "admin:hitl_approvalworkflow_sentence": LIST_ACTION,
    "admin:hitl_approvalworkflow_edit": ACTION,
    "admin:hitl_approvalworkflow_conditions": ACTION,
    "admin:hitl_approvalworkflow_approvers": ACTION,
    "admin:hitl_approvalworkflow_deadlines": ACTION,
    "admin:hitl_approvalworkflow_automatic": ACTION,
    "admin:hitl_approvalworkflow_copy": ACTION,
    "admin:hitl_approvalworkflow_retire": ACTION,
    "admin:hitl_approvalworkflow_restore": ACTION,
    "admin:hitl_approvalworkflow_share": ACTION,
    "admin:hitl_overridereview_changelist": LIST,
    "admin:hitl_overridereview_change": PAGE,
    "admin:hitl_approvergroup_changelist": LIST,
    "admin:hitl_approvergroup_change": PAGE,
    "admin:hitl_approvergroup_create": Row(Answers(302, 403, 200, 200), Answers(302, 403, 302)),
    "admin:hitl_approvergroup_edit": ACTION,
    "admin:hitl_approvergroup_delete": ACTION,
    "admin:hitl_businesscalendar_changelist": LIST,
    "admin:hitl_businesscalendar_change": PAGE,
    "admin:hitl_businesscalendar_create": LIST_ACTION,
    "admin:hitl_businesscalendar_edit": ACTION,
    "admin:hitl_businesscalendar_delete": ACTION,
    "admin:hitl_complianceflag_changelist": LIST,
    "admin:hitl_complianceflag_change": PAGE,
    "admin:hitl_complianceflag_create": LIST_ACTION,
    "admin:hitl_complianceflag_edit": ACTION,
    "admin:hitl_complianceflag_retire": ACTION,
    "admin:hitl_cap_changelist": LIST,
    "admin:hitl_cap_change": PAGE,
    "admin:hitl_cap_create": LIST_ACTION,
    "admin:hitl_cap_edit": ACTION,
    "admin:hitl_cap_retire": ACTION,
    "admin:hitl_cap_try": ACTION,
    "admin:hitl_cap_try_new": LIST_ACTION,
    "admin:hitl_riskpolicy_try": LIST_ACTION,
    "admin:hitl_riskpolicy_changelist": LIST,
    "admin:hitl_riskpolicy_change": PAGE,
    # The form says which version it was made from; this one says none.
    "admin:hitl_riskpolicy_weigh": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:hitl_decisionpolicy_changelist": LIST,
    "admin:hitl_decisionpolicy_change": PAGE,
    "admin:hitl_decisionpolicy_change_settings": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:hitl_notificationtemplate_changelist": LIST,
    "admin:hitl_notificationtemplate_change": PAGE,
    "admin:hitl_notificationtemplate_write": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:hitl_notificationtemplate_edit": ACTION,
    "admin:hitl_notificationtemplate_reset": ACTION,
    "admin:hitl_linkpolicy_changelist": LIST,
    "admin:hitl_linkpolicy_change": PAGE,
    "admin:hitl_linkpolicy_switch_off": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:hitl_linkpolicy_switch_on": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:conversations_contact_changelist": LIST,
    "admin:conversations_contact_change": PAGE,
    "admin:conversations_contact_find": LIST_ACTION,
    "admin:conversations_contact_erase": ACTION,
    "admin:conversations_contact_block": ACTION,
    "admin:conversations_contact_unblock": ACTION,
    "admin:conversations_conversation_language": ACTION,
    "admin:core_consent_changelist": LIST,
    "admin:core_consent_change": PAGE,
    "admin:core_consent_record": LIST_ACTION,
    "admin:core_consent_rules": LIST_ACTION,
    "admin:conversations_conversation_changelist": OPEN_LIST,
    "admin:conversations_conversation_search": Row(Answers(302, 200, 200, 200), Answers(302, 400, 400)),
    "admin:conversations_conversation_change": CHAT_PAGE,
    "admin:conversations_conversation_file": Row(Answers(302, 403, 404, 403), Answers(302, 405, 405)),  # no grant
    "admin:conversations_conversation_preview": Row(Answers(302, 403, 404, 403), Answers(302, 405, 405)),  # no grant
    "admin:conversations_conversation_reply": ACTION,
    "admin:conversations_conversation_take_over": ACTION,
    "admin:conversations_conversation_give_back": ACTION,
    "admin:conversations_conversation_close": ACTION,
    "admin:conversations_conversation_reveal": ACTION,
    "admin:conversations_conversation_assign": ACTION,
    "admin:conversations_conversation_escalate": ACTION,
    "admin:conversations_conversation_name": ACTION,
    "admin:conversations_conversation_send_again": ACTION,
    "admin:conversations_conversation_tag": ACTION,
    "admin:conversations_conversation_untag": ACTION,
    "admin:conversations_conversation_note": ACTION,
    "admin:conversations_channelaccount_changelist": LIST,
    "admin:conversations_channelaccount_change": PAGE,
    "admin:conversations_channelaccount_connect": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:conversations_channelaccount_send_test": ACTION,
    "admin:conversations_channelaccount_verify_sample": ACTION,
    "admin:conversations_channelaccount_fetch_templates": ACTION,
    "admin:conversations_messagetemplate_changelist": LIST,
    "admin:conversations_messagetemplate_change": PAGE,
    "admin:conversations_messagetemplate_use": ACTION,
    "admin:conversations_messagetemplate_stop_using": ACTION,
    "admin:conversations_channelaccount_pause": ACTION,
    "admin:conversations_channelaccount_resume": ACTION,
    "admin:conversations_channelaccount_colleague": ACTION,
    "admin:conversations_channelaccount_edit": ACTION,
    "admin:conversations_channelaccount_connect_cloud": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:conversations_channelaccount_test_cloud": ACTION,
    "admin:conversations_channelaccount_edit_cloud": ACTION,
    "admin:conversations_channelaccount_new_widget": Row(Answers(302, 403, 200, 200), Answers(302, 403, 302)),
    "admin:conversations_channelaccount_widget": ACTION,
    "admin:conversations_channelaccount_identity_secret": ACTION,
    "admin:conversations_channelaccount_connect_mail": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:conversations_channelaccount_test_mail": ACTION,
    "admin:conversations_channelaccount_edit_mail": ACTION,
    "admin:conversations_channelaccount_connect_slack": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:conversations_channelaccount_test_slack": ACTION,
    "admin:conversations_channelaccount_edit_slack": ACTION,
    "admin:conversations_channelaccount_slack_channel": ACTION,
    "admin:conversations_channelaccount_connect_mailbox": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:conversations_channelaccount_read_mailbox": ACTION,
    "admin:conversations_channelaccount_inbound_address": ACTION,
    "admin:conversations_channelaccount_stop_inbound": ACTION,
    "admin:conversations_channelaccount_connect_app": Row(Answers(302, 403, 200, 200), Answers(302, 403, 200)),
    "admin:conversations_channelaccount_edit_app": ACTION,
    "admin:conversations_channelaccount_token_secret": ACTION,
    "admin:conversations_channelaccount_signing_secret": ACTION,
    "admin:conversations_channelaccount_test_webhook": ACTION,
    "admin:conversations_channelaccount_replay_webhook": ACTION,
    "admin:conversations_channelaccount_pause_webhooks": ACTION,
    "admin:conversations_channelaccount_resume_webhooks": ACTION,
    "admin:integrations_maildelivery_changelist": LIST,
    "admin:integrations_maildelivery_change": PAGE,
    "admin:agents_agent_changelist": OPEN_LIST,
    "admin:agents_agent_change": OPEN_PAGE,
    "admin:agents_agent_create": Row(Answers(302, 403, 200, 200), Answers(302, 403, 400)),
    "admin:agents_agent_edit": ACTION,
    "admin:agents_agent_copy": ACTION,
    "admin:agents_agent_retire": ACTION,
    "admin:agents_agent_restore": ACTION,
    "admin:agents_agentrun_changelist": LIST,
    "admin:agents_agentrun_change": PAGE,
}
# One's own brief: the row of the town is the viewer's, and nobody else has it.
OWN_PAGE = Row(Answers(302, 200, 404, 404), Answers(302, 405, 405))
BRIEFS: Final = {
    "admin:analytics_brief_changelist": OPEN_LIST,
    "admin:analytics_brief_change": OWN_PAGE,
    "admin:analytics_brief_mail": Row(Answers(302, 404, 404, 404), Answers(302, 405, 405)),  # it was not sent
    "admin:analytics_brief_preview": OPEN_LIST,
    "admin:analytics_brief_refresh": Row(Answers(302, 200, 200, 200), Answers(302, 302, 302)),
    "admin:analytics_brief_settings": Row(Answers(302, 200, 200, 200), Answers(302, 400, 400)),
    "admin:analytics_brief_send_now": Row(Answers(302, 200, 200, 200), Answers(302, 302, 302)),
    "admin:analytics_briefpreference_changelist": LIST,
    "admin:analytics_briefpreference_change": PAGE,
}
NOTIFICATIONS: Final = {
    "admin:hitl_notificationpreference_changelist": OPEN_LIST,
    "admin:hitl_notificationpreference_change": OWN_PAGE,
    "admin:hitl_notificationpreference_settings": Row(Answers(302, 200, 200, 200), Answers(302, 400, 400)),
    "admin:channels_app_colleagueaddress_changelist": OPEN_LIST,
    "admin:channels_app_colleagueaddress_change": OWN_PAGE,
    "admin:channels_app_colleagueaddress_slack_user": Row(Answers(302, 200, 200, 200), Answers(302, 400, 400)),
    "admin:channels_app_colleagueaddress_slack_code": Row(Answers(302, 200, 200, 200), Answers(302, 400, 400)),
    "admin:channels_app_colleagueaddress_own_number": Row(Answers(302, 200, 200, 200), Answers(302, 400, 400)),
    "admin:channels_app_colleagueaddress_number_code": Row(Answers(302, 200, 200, 200), Answers(302, 400, 400)),
    "admin:channels_app_colleagueaddress_number_unlink": Row(Answers(302, 200, 200, 200), Answers(302, 404, 404)),
    # Without Slack there is nothing to unlink.
    "admin:channels_app_colleagueaddress_slack_unlink": Row(Answers(302, 200, 200, 200), Answers(302, 503, 503)),
}
# One's own notices: the town's is the viewer's. Opening one leads to its page, or back to the list.
OWN_ACTION = Row(Answers(302, 200, 404, 404), Answers(302, 302, 404, 404))
NOTICES: Final = {
    "admin:accounts_notice_changelist": OPEN_LIST,
    "admin:accounts_notice_change": OWN_PAGE,
    "admin:accounts_notice_open": OWN_ACTION,
    "admin:accounts_notice_seen": OWN_ACTION,
    "admin:accounts_notice_see_all": Row(Answers(302, 200, 200, 200), Answers(302, 302, 302)),
}
# One's own saved views: the town's is the viewer's. Saving without filters is invalid.
VIEWS: Final = {
    "admin:accounts_savedview_changelist": OPEN_LIST,
    "admin:accounts_savedview_change": OWN_PAGE,
    "admin:accounts_savedview_save": Row(Answers(302, 200, 200, 200), Answers(302, 400, 400)),
    "admin:accounts_savedview_rename": OWN_ACTION,
    "admin:accounts_savedview_delete": OWN_ACTION,
}
# The API by session: a form is no JSON (415) for those who may write; a stranger is told to sign in (401).
API_READ = Row(Answers(401, 403, 200, 200), Answers(401, 405, 405))
API_OPEN_READ = Row(Answers(401, 200, 200, 200), Answers(401, 405, 405))
API_PAGE = Row(Answers(401, 403, 404, 200), Answers(401, 405, 405))
API_OPEN_PAGE = Row(Answers(401, 200, 404, 200), Answers(401, 405, 405))
API_LOOK = Row(API_OPEN_PAGE.get, API_OPEN_PAGE.post, leaves=SEEN)
API_WRITE = Row(Answers(401, 405, 405, 405), Answers(401, 403, 415))
API_PRESS = API_WRITE  # takes no body, and so no form either
API_BOTH = Row(Answers(401, 200, 200, 200), Answers(401, 403, 415))
API_DEFINITIONS = Row(API_READ.get, Answers(401, 403, 415))
API_TALK = Row(Answers(401, 200, 404, 200), Answers(401, 403, 415), leaves=SEEN)
API_PUBLIC = Row(Answers(200, 200, 200, 200), Answers(405, 405, 405))
API: Final = {
    "api_schema": API_PUBLIC,
    "api_docs": API_PUBLIC,
    "api_nowhere": Row(Answers(401, 404, 404, 404), Answers(401, 404, 404)),
    "api_root": API_OPEN_READ,
    "api-approvals-list": API_BOTH,
    "api-approvals-detail": API_OPEN_PAGE,
    "api-approvals-export": Row(API_READ.get, API_READ.post, leaves=AUDITED),
    "api-approval-approve": API_WRITE,
    "api-approval-reject": API_WRITE,
    "api-approval-cancel": API_WRITE,
    "api-approval-revoke": API_WRITE,
    "api-approval-undo": API_WRITE,
    "api-approval-hold": API_WRITE,
    "api-approval-flag": API_WRITE,
    "api-approval-unflag": API_WRITE,
    "api-approval-release": API_WRITE,
    "api-approval-resolve": API_WRITE,
    "api-approval-edit": API_WRITE,
    "api-approval-edit-and-approve": API_WRITE,
    "api-approval-ask": API_WRITE,
    "api-approval-answer": API_WRITE,
    "api-approval-send-back": API_WRITE,
    "api-approval-resubmit": API_WRITE,
    "api-approval-override": API_WRITE,
    "api-approval-review": API_WRITE,
    "api-approval-escalate": API_WRITE,
    "api-approval-probe": API_WRITE,
    "api-override-reviews-list": API_READ,
    "api-dead-letters-list": API_READ,
    "api-dead-letters-replay": API_PRESS,
    "api-dead-letters-discard": API_PRESS,
    "api-approval-delegate": API_WRITE,
    "api-approval-reassign": API_WRITE,
    "api-batch-decisions-list": API_WRITE,
    "api-batch-decisions-detail": API_OPEN_PAGE,
    "api-batch-decisions-undo": API_WRITE,
    "api-delegations-list": Row(Answers(401, 403, 200, 200), Answers(401, 403, 415)),
    "api-delegations-end": API_PRESS,
    "api-approval-revisions-list": API_OPEN_PAGE,
    "api-evidence-exports-list": API_DEFINITIONS,
    "api-evidence-exports-detail": API_PAGE,
    "api-evidence-exports-stop": API_PRESS,
    "api-evidence-exports-file": Row(Answers(401, 403, 404, 409), Answers(401, 405, 405)),  # not written yet
    "api-approval-evidence": Row(Answers(401, 403, 404, 200), Answers(401, 405, 405), leaves=ANCHORED),
    "api-approval-history-list": API_OPEN_PAGE,
    "api-approval-executions-list": API_OPEN_PAGE,
    "api-approval-decisions-list": API_OPEN_PAGE,
    "api-approval-notifications-list": API_OPEN_PAGE,
    "api-approval-timers-list": API_OPEN_PAGE,
    "api-approval-notes-list": Row(API_OPEN_PAGE.get, Answers(401, 415, 415)),
    "api-workflows-list": API_DEFINITIONS,
    "api-workflows-detail": API_PAGE,
    "api-workflows-revise": API_WRITE,
    "api-workflows-copy": API_WRITE,
    "api-workflows-retire": API_WRITE,
    "api-workflows-restore": API_PRESS,
    "api-workflow-sharing": API_PAGE,
    "api-workflows-simulate": API_WRITE,
    "api-groups-list": API_DEFINITIONS,
    "api-groups-detail": API_PAGE,
    "api-calendars-list": API_DEFINITIONS,
    "api-calendars-detail": API_PAGE,
    "api-flags-list": API_DEFINITIONS,
    "api-flags-detail": API_PAGE,
    "api-caps-list": API_DEFINITIONS,
    "api-caps-detail": API_PAGE,
    "api-risk-policies-list": API_DEFINITIONS,
    "api-simulations-list": API_DEFINITIONS,
    "api-simulations-detail": API_PAGE,
    "api-simulations-stop": API_WRITE,
    "api-decision-links": Row(API_READ.get, Answers(401, 405, 405)),
    "api-action-kinds-list": API_READ,
    "api-kill-switches-list": API_BOTH,
    "api-kill-switches-release": API_PRESS,
    "api-installation-switch": API_BOTH,
    "api-installation-switch-release": API_PRESS,
    "api-conversations-list": API_OPEN_READ,
    "api-conversations-search": Row(API_WRITE.get, Answers(401, 415, 415)),
    "api-conversations-detail": API_LOOK,
    "api-messages-list": API_TALK,
    "api-attachments-list": Row(API_PRESS.get, Answers(401, 403, 400)),
    "api-attachments-detail": Row(Answers(401, 403, 404, 403), Answers(401, 405, 405)),  # no grant
    "api-message-send-again": API_PRESS,
    "api-conversations-take-over": API_PRESS,
    "api-conversations-give-back": API_PRESS,
    "api-conversations-close": API_WRITE,
    "api-conversations-assign": API_WRITE,
    "api-conversations-escalate": API_WRITE,
    "api-conversations-tags": API_WRITE,
    "api-contacts-list": API_READ,
    "api-contacts-search": Row(API_WRITE.get, Answers(401, 403, 415)),
    "api-contacts-detail": API_PAGE,
    "api-contacts-erase": API_WRITE,
    "api-contacts-block": API_WRITE,
    "api-contacts-unblock": API_WRITE,
    "api-contacts-language": API_WRITE,
    "api-consents-list": API_DEFINITIONS,
    "api-consents-detail": API_PAGE,
    "api-invitations-list": Row(API_READ.get, API_WRITE.post),
    "api-invitations-resend": API_PRESS,
    "api-invitations-withdraw": API_PRESS,
    "api-members-erase": API_WRITE,
    "api-notices-list": API_OPEN_READ,
    "api-notices-seen": Row(API_WRITE.get, Answers(401, 415, 415)),
    "api-notices-see-all": Row(API_WRITE.get, Answers(401, 415, 415)),
    "api-erasures-list": API_READ,
    "api-erasures-detail": API_PAGE,
    "api-templates-list": API_READ,
    "api-templates-detail": API_PAGE,
    "api-channel-accounts-list": API_READ,
    "api-channel-accounts-detail": API_PAGE,
    "api-channel-account-health": API_PAGE,
    "api-channel-account-exchanges": API_PAGE,
    "api-channel-account-test": API_WRITE,
    "api-channel-account-verify-sample": API_WRITE,
    "api-channel-account-pause": API_WRITE,
    "api-channel-account-webhooks-list": API_PAGE,
    "api-channel-account-webhooks-test": API_PRESS,
    "api-channel-account-webhooks-pause": API_PRESS,
    "api-channel-account-webhooks-resume": API_PRESS,
    "api-channel-account-webhooks-replay": API_PRESS,
    "api-agents-list": API_BOTH,
    "api-agents-detail": API_OPEN_PAGE,
    "api-agents-copy": API_WRITE,
    "api-agents-retire": API_PRESS,
    "api-agents-restore": API_PRESS,
    "api-agent-runs-list": API_READ,
    "api-agent-runs-detail": API_PAGE,
    "api-tool-calls-list": API_READ,
    "api-tool-calls-detail": API_PAGE,
    "api-briefs-list": Row(API_OPEN_READ.get, Answers(401, 415, 415)),
    "api-brief-preferences-list": API_READ,
    "api-own-brief-preference": Row(API_OPEN_READ.get, Answers(401, 415, 415)),
    "api-own-notification-preference": Row(API_OPEN_READ.get, Answers(401, 415, 415)),
    "api-reveals-list": API_WRITE,
    "api-audit-list": API_READ,
    "api-audit-verify": API_READ,
    "api-stream": API_OPEN_READ,
}
EXPECTED: Final[dict[str, Row]] = {
    **ACCOUNT,
    **DOORS,
    **CONSOLE,
    **WORK,
    **BRIEFS,
    **NOTIFICATIONS,
    **NOTICES,
    **VIEWS,
    **API,
}
