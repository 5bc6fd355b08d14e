"""Django's settings, read from the environment. A missing secret is an error, never a default."""

import sys
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
from csp.constants import NONCE, NONE, SELF
from django.urls import reverse_lazy

from config.api_groups import GROUPS
from config.environment import (  # noqa: F401
    COMMIT,
    SENTRY_DSN,
    SENTRY_ENVIRONMENT,
    env,
    key_ring,
    metrics_address,
    sign_in_with,
)
from config.servers import (  # noqa: F401 - settings themselves
    BROKER_TLS,
    BROKER_URL,
    CACHE_URL,
    CACHES,
    CHANNEL_LAYERS,
    LAYER_URLS,
    REDIS_CA,
    REDIS_PREFIX,
    REDIS_URL,
    WEB_CONNECTIONS,
    database,
    databases,
)
from core.observability.logging import logging_config

# Lets annotations name the contents of Django's generic classes, which the type checker needs.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = env("SECRET_KEY")
WALKER_KEYS = key_ring()
PROCESS = env("WALKER_PROCESS", default="") or "command"
WALKER_DEMO = env.bool("WALKER_DEMO", default=False)
# In the demo without a token, metrics and the names of failing checks are open, and hosted pages sign visitors in.
METRICS_WITHOUT_TOKEN = HOSTED_PAGES_SIGN_IN = WALKER_DEMO
WALKER_TESTING = env.bool("WALKER_TESTING", default=False)
DEBUG = False
PUBLIC_URL = env("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
TRUSTED_PROXIES = [str(ip_network(one.strip(), strict=False)) for one in env.list("TRUSTED_PROXIES", default=[])]
METRICS_TOKEN, METRICS_AT = env("METRICS_TOKEN", default=""), metrics_address()
# The outside systems whose actions wait for approval: "integrations.<vendor>.platform.<Class>", a line for each.
PLATFORMS = [
    "integrations.meta_ads.platform.MetaAds",
    "integrations.google_ads.platform.GoogleAds",
    "integrations.zendesk.platform.Zendesk",
    "integrations.hubspot.platform.Hubspot",
    "integrations.salesforce.platform.Salesforce",
    "integrations.roundup.platform.Roundup",
    "integrations.back_office.platform.BackOffice",
]
if WALKER_DEMO or WALKER_TESTING:  # the sandbox is the demo's, and the example of the tests
    PLATFORMS += ["integrations.sandbox_ads.platform.SandboxAds"]
ZENDESK_API_BASE = env("ZENDESK_API_BASE", default="https://{subdomain}.zendesk.com").rstrip("/")
HUBSPOT_API_BASE = env("HUBSPOT_API_BASE", default="https://api.hubapi.com").rstrip("/")
SANDBOX_ADS_URL = env("SANDBOX_ADS_URL", default="")
SANDBOX_PHONE_URL, SANDBOX_PHONE_TOKEN = env("SANDBOX_PHONE_URL", default=""), env("SANDBOX_PHONE_TOKEN", default="")
SANDBOX_SLACK_URL, SANDBOX_SLACK_TOKEN = env("SANDBOX_SLACK_URL", default=""), env("SANDBOX_SLACK_TOKEN", default="")
SANDBOX_MAILBOX_URL = env("SANDBOX_MAILBOX_URL", default="")
SANDBOX_MAILBOX_TOKEN = env("SANDBOX_MAILBOX_TOKEN", default="")
META_API_BASE = env("META_API_BASE", default="https://graph.facebook.com").rstrip("/")
META_LOGIN_BASE = env("META_LOGIN_BASE", default="https://www.facebook.com").rstrip("/")
META_ADS_APP_ID = env("META_ADS_APP_ID", default="")
META_ADS_APP_SECRET = env("META_ADS_APP_SECRET", default="")
GOOGLE_ADS_API_BASE = env("GOOGLE_ADS_API_BASE", default="https://googleads.googleapis.com").rstrip("/")
GOOGLE_LOGIN_BASE = env("GOOGLE_LOGIN_BASE", default="https://accounts.google.com").rstrip("/")
GOOGLE_TOKEN_BASE = env("GOOGLE_TOKEN_BASE", default="https://oauth2.googleapis.com").rstrip("/")
GOOGLE_ADS_CLIENT_ID = env("GOOGLE_ADS_CLIENT_ID", default="")
GOOGLE_ADS_CLIENT_SECRET = env("GOOGLE_ADS_CLIENT_SECRET", default="")
GOOGLE_ADS_DEVELOPER_TOKEN = env("GOOGLE_ADS_DEVELOPER_TOKEN", default="")
SANDBOX_GOOGLE_ADS_URL = env("SANDBOX_GOOGLE_ADS_URL", default="")
SANDBOX_META_URL = env("SANDBOX_META_URL", default="")
SANDBOX_META_TOKEN = env("SANDBOX_META_TOKEN", default="")
SANDBOX_BACK_OFFICE_URL = env("SANDBOX_BACK_OFFICE_URL", default="")
SANDBOX_BACK_OFFICE_TOKEN = env("SANDBOX_BACK_OFFICE_TOKEN", default="")
SANDBOX_IDENTITY_URL = env("SANDBOX_IDENTITY_URL", default="")
SANDBOX_PORTAL_URL = env("SANDBOX_PORTAL_URL", default="")
SANDBOX_PORTAL_TOKEN = env("SANDBOX_PORTAL_TOKEN", default="")
TWILIO_API_BASE = env("TWILIO_API_BASE", default="https://api.twilio.com").rstrip("/")
TWILIO_CONTENT_BASE = env("TWILIO_CONTENT_BASE", default="https://content.twilio.com").rstrip("/")
SENDGRID_API_BASE = env("SENDGRID_API_BASE", default="https://api.sendgrid.com").rstrip("/")
SANDBOX_PAGERDUTY_URL = env("SANDBOX_PAGERDUTY_URL", default="")
SANDBOX_PAGERDUTY_TOKEN = env("SANDBOX_PAGERDUTY_TOKEN", default="")
SLACK_API_BASE = env("SLACK_API_BASE", default="https://slack.com/api").rstrip("/")
SENDGRID_API_KEY = env("SENDGRID_API_KEY", default="")
EMAIL_URL = env("EMAIL_URL", default="")
MAIL_FROM = env("MAIL_FROM", default="")
VAPID_PRIVATE_KEY = env("VAPID_PRIVATE_KEY", default="")
VAPID_SUBJECT = env("VAPID_SUBJECT", default=PUBLIC_URL)
PUSH_HOSTS = env.list("PUSH_HOSTS", default=[])
WEBHOOK_HOSTS = env.list("WEBHOOK_HOSTS", default=[])
BACK_OFFICE_HOSTS = env.list("BACK_OFFICE_HOSTS", default=[])
IDENTITY_HOSTS = env.list("IDENTITY_HOSTS", default=[])
ROUNDUP_HOSTS = env.list("ROUNDUP_HOSTS", default=[])
SIEM_HOSTS = env.list("SIEM_HOSTS", default=[])
WEBHOOK_ENDPOINTS = env.int("WEBHOOK_ENDPOINTS", default=10)
# Each registers its models, in this order.
MODEL_PROVIDERS = ["agents.llm.built_in.model", "agents.llm.hosted.remote"]
OPENAI_API_KEY = env("OPENAI_API_KEY", default="")
OPENAI_BASE_URL = env("OPENAI_BASE_URL", default="")
ANTHROPIC_API_KEY = env("ANTHROPIC_API_KEY", default="")
ANTHROPIC_BASE_URL = env("ANTHROPIC_BASE_URL", default="")
# Prices per million tokens, "input cached output currency", or "free"; without them no budget can cover the model.
OPENAI_PRICES = env("OPENAI_PRICES", default="")
ANTHROPIC_PRICES = env("ANTHROPIC_PRICES", default="")
MODEL_HOSTS = env.list("MODEL_HOSTS", default=[])
MODEL_WORKERS = env.int("WALKER_MODEL_WORKERS", default=4)
MODEL_CALLS_DAYS = env.int("WALKER_MODEL_CALLS_DAYS", default=400)
TRANSACTION_DRAFTS_DAYS = env.int("WALKER_TRANSACTION_DRAFTS_DAYS", default=365)
RULE_LIMITS = env("WALKER_RULE_LIMITS", cast={"value": Decimal}, default={"EUR": 1000, "USD": 1000, "GBP": 1000})
HUB_CALLS = {"contact": 30, "agent": 600} | env("WALKER_HUB_CALLS", cast={"value": int}, default={})
PROVIDER_CALLS_DAYS = env.int("WALKER_PROVIDER_CALLS_DAYS", default=30)
TRIALS_DAYS = env.int("WALKER_TRIALS_DAYS", default=7)
SANDBOX_MODEL_URL = env("SANDBOX_MODEL_URL", default="")
SANDBOX_MODEL_TOKEN = env("SANDBOX_MODEL_TOKEN", default="")

IS_HTTPS = PUBLIC_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SESSION_ENGINE = "accounts.sessions.engine"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
# Two installations on one host (ports do not separate cookies) must not sign each other out.
_COOKIE_SUFFIX = str(urlsplit(PUBLIC_URL).port or "")
SESSION_COOKIE_NAME = f"walker_session{_COOKIE_SUFFIX}"
CSRF_COOKIE_NAME = f"walker_csrf{_COOKIE_SUFFIX}"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None  # TLS ends at a proxy
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

COMMAND = sys.argv[1] if len(sys.argv) > 1 else ""
INSTALLED_APPS = [
    # Only `runserver` needs it as an app; it costs the other processes a seventh of their start.
    *(["daphne"] if COMMAND == "runserver" else []),
    "unfold.apps.BasicAppConfig",
    "console.apps.WalkerAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "config.static_files.WalkerStaticFilesConfig",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "channels",
    "csp",
    "guardian",
    "django_celery_beat",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    # First of ours: the others bind tasks to our Celery application when they are ready.
    "config",
    "core",
    "accounts",
    "console.apps.ConsoleConfig",
    "hitl",
    "conversations",
    "integrations",
    "hub",
    "agents",
    "channels_app",
    "analytics",
    # People, talks and agents of the demo; the tests take them as their example.
    *(["demo"] if WALKER_DEMO or WALKER_TESTING else []),
]

DATABASES = databases()
DATABASE_OWNER = database(env("DATABASE_OWNER_URL", default=env("DATABASE_URL")))
# Only where there is a replica: without one no query asks where to go.
DATABASE_ROUTERS = ["core.db.replica.Router"] if "replica" in DATABASES else []

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.pages.PageCompressionMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.NoStoreMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.TenantMiddleware",
    "accounts.middleware.BearerMiddleware",
    *(["accounts.middleware.OwnWritesMiddleware"] if "replica" in DATABASES else []),
    "console.time_zones.TenantZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.pages.UnavailableMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "config.pages.Templates",
        # As Django names its own: others ask for it by that.
        "NAME": "django",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    },
]


# Kept by the application's role, which `migrate` tells: a client's own would not pass a pooler.
DATABASE_LIMITS = {
    "statement_timeout": timedelta(seconds=env.int("WALKER_STATEMENT_SECONDS", default=30)),
    "lock_timeout": timedelta(seconds=env.int("WALKER_LOCK_SECONDS", default=10)),
    "idle_in_transaction_session_timeout": timedelta(seconds=env.int("WALKER_IDLE_TRANSACTION_SECONDS", default=60)),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_USE_SSL = BROKER_TLS
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = ["core.jobs.decorators.route"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "queue_order_strategy": "priority",
    "visibility_timeout": 600,
    "global_keyprefix": f"{REDIS_PREFIX}:broker:",
    # A publish to a dead broker must not hold a request: the sweep finds the row.
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
    "max_retries": 1,
}
CELERY_TASK_PUBLISH_RETRY = False
# Celery would close the connection before and after each task; config.celery checks it instead.
CELERY_DB_REUSE_MAX = 1_000_000
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "config.schedule:SweepScheduler"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.RoleBackend", "guardian.backends.ObjectPermissionBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
ANONYMOUS_USER_NAME = None
GUARDIAN_RAISE_403 = True

ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "accounts.sign_in.adapter.AccountAdapter"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
# Beside allauth's own limits: who asks for mail to an address sends it to somebody. Wrong passwords and codes
# are counted by accounts.sign_in.attempts: here, those under way would count as failures.
ACCOUNT_RATE_LIMITS = {"reset_password": "10/m/ip,40/h/ip,5/h/key", "login_failed": None}
ACCOUNT_RATE_LIMITS["register"] = ACCOUNT_RATE_LIMITS["reset_password"]
PASSWORD_RESET_TIMEOUT = 3600
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# Wrong ones are counted as wrong passwords are.
MFA_RATE_LIMITS = {"webauthn_login": None}
MFA_TOTP_ISSUER = "Walker"
# One step of 30 seconds before and after: a code typed as it changes counts (RFC 6238, section 5.2).
MFA_TOTP_TOLERANCE = 1
MFA_ADAPTER = "accounts.sign_in.adapter.MfaAdapter"
MFA_FORMS = {
    "authenticate": "accounts.sign_in.adapter.CodeForm",
    "reauthenticate": "accounts.sign_in.adapter.RepeatedCodeForm",
    "activate_totp": "accounts.sign_in.adapter.FirstCodeForm",
    "authenticate_webauthn": "accounts.sign_in.keys.KeyForm",
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
# What customers read in our own words; the console speaks English.
LOCALE_PATHS = [BASE_DIR / "locale"]
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Under names with hashes, and packed, once `collectstatic` has run, as `./walker run` does; until then as they lie.
_COLLECTED = Path(env("WALKER_DATA", default=str(BASE_DIR / ".walker"))) / "static"
_IS_COLLECTED = COMMAND == "collectstatic" or ((_COLLECTED / "staticfiles.json").exists() and not WALKER_TESTING)
STATIC_ROOT = _COLLECTED if _IS_COLLECTED else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "config.static_files.HashedStaticFilesStorage"
        if _IS_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not _IS_COLLECTED
# As they lie: looked up when they are asked for, instead of all at each start.
WHITENOISE_AUTOREFRESH = not _IS_COLLECTED

CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": [],
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}

SIGN_IN_WITH = sign_in_with(GOOGLE_LOGIN_BASE)
REST_FRAMEWORK = {
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_AUTHENTICATION_CLASSES": ["core.rest.authentication.ActorAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["core.rest.authentication.MayAsk"],
    "DEFAULT_THROTTLE_CLASSES": ["core.rest.throttles.PerClient"],
    "DEFAULT_PARSER_CLASSES": ["core.rest.fields.SafeJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["core.rest.filters.ApiFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "core.rest.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "core.rest.schema.ApiSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "core.rest.errors.problem_answer",
    "URL_FORMAT_OVERRIDE": None,
}
DECISION_LINKS = env.bool("WALKER_LINKS", default=True)
DECISION_LINKS_BELOW = env.int("WALKER_LINKS_BELOW", default=50)
DECISION_LINK_LIFE = timedelta(hours=env.int("WALKER_LINK_HOURS", default=72))
TOKEN_DAYS = (env.int("WALKER_TOKEN_DAYS", default=30), env.int("WALKER_TOKEN_MOST_DAYS", default=90))
# Who may ask for an account: everybody ("open"), holders of an invitation ("invited"), else nobody.
REGISTRATION = env("WALKER_REGISTRATION", default="invited")
TOKEN_DEVICES = max(1, env.int("WALKER_TOKEN_DEVICES", default=20))
INVITATION_LIFE = timedelta(days=env.int("WALKER_INVITATION_DAYS", default=7))
INVITATIONS_PER_DAY = env.int("WALKER_INVITATIONS_PER_DAY", default=50)
MAIL_DAYS = env.int("WALKER_MAIL_DAYS", default=30)
# SendGrid takes emails of at most 30 MB; larger ones than this are refused.
MAIL_BYTES = env.int("WALKER_MAIL_MB", default=32) * 1024 * 1024
# Mail servers with private addresses that mailboxes may be read from.
IMAP_PRIVATE_HOSTS = frozenset(env.list("WALKER_IMAP_PRIVATE_HOSTS", default=[]))
# Sites with private addresses that may be fetched as knowledge, such as an intranet.
SITE_PRIVATE_HOSTS = frozenset(env.list("WALKER_SITE_PRIVATE_HOSTS", default=[]))
MAIL_ROWS_DAYS = env.int("WALKER_MAIL_ROWS_DAYS", default=400)
STREAM_DAYS = env.int("WALKER_STREAM_DAYS", default=30)
EVENT_DAYS = env.int("WALKER_EVENT_DAYS", default=800)
API_REQUESTS_PER_MINUTE = env.int("WALKER_API_PER_MINUTE", default=600)
TENANT_REQUESTS_PER_MINUTE = env.int("WALKER_TENANT_PER_MINUTE", default=6000)
SPECTACULAR_SETTINGS = {
    "TITLE": "Walker API",
    "DESCRIPTION": "Approvals, conversations and audit of one organisation. Every error has one shape, `Problem`.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    # A change says itself what it needs, such as the version it was made from.
    "COMPONENT_SPLIT_PATCH": False,
    "SORT_OPERATIONS": False,
    "TAGS": GROUPS,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "core.rest.schema.without_empty_defaults",
        "core.rest.schema.with_short_names",
        "core.rest.schema.with_errors",
        "config.api_groups.with_summaries",
        "config.api_examples.with_examples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ApprovalState": "hitl.models.Approval.STATES",
        "ConversationState": "conversations.models.Conversation.State",
        "SuggestedReplyState": "conversations.models.SuggestedReply.State",
        "WhoseScope": "conversations.replies.rest.canned_replies.SCOPES",
        "SurveyAsks": "conversations.models.Team.Asks",
        "AlertRuleState": "analytics.models.AlertRule.State",
        "AlertSeverity": "analytics.models.Severity",
        "AlertWay": "analytics.models.Way",
        "WebhookState": "core.models.WebhookDelivery.State",
        "ProviderCallOutcome": "integrations.models.ProviderCall.Outcome",
        "AuditDestinationKind": "integrations.models.AuditDestination.Kind",
        "WebhookEndpointState": "core.models.WebhookEndpoint.State",
        "ExportFormat": "analytics.models.Format",
        "LegalHoldSubject": "core.models.LegalHold.Subject",
        "ExportEvery": "analytics.models.ExportSchedule.Every",
        "ExportState": "analytics.models.Export.State",
        "PersonRequestKind": "analytics.models.PersonRequest.Kind",
        "PersonRequestState": "analytics.models.PersonRequest.State",
        "SurveyWay": "conversations.models.Survey.Way",
        "AvailabilityState": "conversations.models.Availability.State",
        "CustomFieldKind": "conversations.models.CustomField.Kind",
        "TagColour": "conversations.models.Tag.Colour",
        "TeamPolicy": "conversations.models.Team.Policy",
        "Priority": "conversations.models.Priority",
        "MessageStatus": "conversations.models.Message.Status",
        "MessageDirection": "conversations.models.Message.Direction",
        "MessageSender": "conversations.models.Message.Sender",
        "MessageContentType": "conversations.models.Message.ContentType",
        "RunState": "agents.models.AgentRun.State",
        "FactKind": "agents.memory.models.ContactFact.Kind",
        "FactOrigin": "agents.memory.models.ContactFact.Origin",
        "AgentMemory": "agents.models.AgentVersion.Memory",
        "ToolCallState": "agents.models.ToolCall.State",
        "DocumentKind": "agents.models.Document.Kind",
        "DocumentLanguage": "agents.models.Document.Language",
        "BriefLanguage": [("en", "English"), ("de", "Deutsch"), ("fr", "Français")],
        "CollectionAudience": "agents.models.Collection.Audience",
        "DocumentState": "agents.models.Document.State",
        "SiteState": "agents.models.Site.State",
        "EvalState": "agents.studio.evals.models.EvalRun.State",
        "EvalKind": "agents.studio.evals.models.EvalRun.Kind",
        "OpenQuestionState": "agents.models.OpenQuestion.State",
        "BudgetScope": "agents.llm.routes.models.Budget.Scope",
        "SwitchScope": "hitl.killswitch.models.KillSwitch.Scope",
        "DayOrMonth": "agents.llm.routes.models.Budget.Period",
        "ModelProvider": "agents.llm.routes.models.Provider",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": None,
    "SWAGGER_UI_SETTINGS": {"validatorUrl": None, "persistAuthorization": False, "displayRequestDuration": True},
}

LOGGING_CONFIG = "core.observability.logging.set_up"
LOGGING = logging_config(testing=WALKER_TESTING)

# Files for customers stay in memory until they are sealed: a temporary file would hold them in clear.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 21 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 20

# Numbers of the product, in one place.
KEEP_SETTINGS_SECONDS = 2.0  # how old an agent's version, or the rules for marketing, may be in a process
TEXT_LIMIT = 4096
REOPEN_WITHIN = timedelta(days=7)
REVEAL_FOR = timedelta(minutes=5)
REVEALS_PER_HOUR = env.int("WALKER_REVEALS_PER_HOUR", default=30)
REFUSALS_LISTED = env.int("WALKER_REFUSALS_LISTED", default=20)
REFUSALS_NOTICED = env.int("WALKER_REFUSALS_NOTICED", default=10)
REVEALS_NOTICED = env.int("WALKER_REVEALS_NOTICED", default=10)
EVIDENCE_PER_HOUR = env.int("WALKER_EVIDENCE_PER_HOUR", default=60)
EXPORTS_PER_HOUR = env.int("WALKER_EXPORTS_PER_HOUR", default=30)
SALESFORCE_API_BASE = env("SALESFORCE_API_BASE", default="https://{domain}.my.salesforce.com").rstrip("/")
PAGERDUTY_API_BASE = env("PAGERDUTY_API_BASE", default="https://events.pagerduty.com").rstrip("/")
EXPORT_ROWS = env.int("WALKER_EXPORT_ROWS", default=1_000_000)
AUDIT_ANCHOR_EVERY = timedelta(minutes=env.int("WALKER_ANCHOR_MINUTES", default=60))
AUDIT_ANCHOR_FILE = env("WALKER_ANCHOR_FILE", default="")
AUDIT_ANCHOR_LOG = env.bool("WALKER_ANCHOR_LOG", default=False)
AUDIT_ANCHOR_STORE = env("WALKER_ANCHOR_STORE", default="")
AUDIT_ANCHOR_STORE_KEY = env("WALKER_ANCHOR_STORE_KEY", default="")
AUDIT_ANCHOR_STORE_REGION = env("WALKER_ANCHOR_STORE_REGION", default="us-east-1")
AUDIT_ANCHOR_STORE_LOCK_DAYS = env.int("WALKER_ANCHOR_STORE_LOCK_DAYS", default=0)
FILE_STORE = env("WALKER_FILE_STORE", default="")
FILE_STORE_KEY = env("WALKER_FILE_STORE_KEY", default="")
FILE_STORE_REGION = env("WALKER_FILE_STORE_REGION", default="us-east-1")
FILE_DAYS = env.int("WALKER_FILE_DAYS", default=0)
EXECUTION_LEASE = timedelta(seconds=env.int("WALKER_EXECUTION_LEASE", default=30))
DELIVERIES_KEPT = timedelta(days=env.int("WALKER_DELIVERIES_DAYS", default=30))
HEARTBEAT_STALE = timedelta(seconds=20)
# One start of ./walker run; its processes wait for one another's heartbeats, not for those of the last start.
RUN = env("WALKER_RUN", default="")
