"""All settings, top to bottom. What an operator may change comes from the environment, through config/env.py.

| variable | default | meaning |
|---|---|---|
| INVERSIGHT_HOME | var/ in the checkout | database, artifacts, evidence, reports and scratch space of the embedded default |
| DATABASE_URL | SQLite in the home | postgres://user:password@host:5432/name for a server |
| SECRET_KEY, SECRET_KEY_FILE | generated in the home | signs sessions |
| INVERSIGHT_SIGNING_KEY_FILE | generated in the home | file of the Ed25519 key (64 hex digits) that signs reports; one for all machines |
| ALLOWED_HOSTS | 127.0.0.1,localhost | names the site answers to, comma-separated |
| CSRF_TRUSTED_ORIGINS | none | https://name of a proxy that changes the host, comma-separated |
| INVERSIGHT_HTTPS | true | cookies travel over https only; false for http on this machine (script/server), or sign-in fails there |
| INVERSIGHT_BEHIND_PROXY | false | true where a proxy ends https and overwrites X-Forwarded-Proto |
| DEBUG | false | Django's own error pages; never on a reachable machine |
| LOG_LEVEL | INFO | DEBUG, INFO, WARNING or ERROR |
| INVERSIGHT_METRICS_TOKEN | none | who sends it as a bearer token reads /metrics; INVERSIGHT_METRICS_TOKEN_FILE names a file instead |
| LOG_FORMAT | plain | json: one JSON object per line |
| CELERY_BROKER_URL | files in the home | redis://:password@host:6379/0 for several machines; CELERY_BROKER_URL_FILE names a file instead |
| S3_BUCKET | none | keeps artifacts, evidence and reports in this bucket instead of the home |
| S3_ENDPOINT_URL, S3_REGION | AWS | address and region of the S3-compatible service |
| S3_ACCESS_KEY, S3_SECRET_KEY | none | its credentials; with _FILE appended, the files that hold them |
| EMAIL_URL, EMAIL_URL_FILE | none | smtp+tls://user:password@host:587; without it nothing is mailed, invitations are handed over by hand |
| INVERSIGHT_MAIL_FROM | inversight@localhost | the address mails come from |
| INVERSIGHT_URL | http://127.0.0.1:8000 | where people reach the pages; links in mails and webhooks begin with it |
| INVERSIGHT_WEBHOOKS_TO_THIS_MACHINE | false | true lets webhooks go to http://127.0.0.1, for trying them out |
| INVERSIGHT_OIDC_ISSUER | none | https://id.example.org, whose people may sign in where they are members or invited |
| INVERSIGHT_OIDC_CLIENT_ID, INVERSIGHT_OIDC_CLIENT_SECRET | none | our name and secret there (or _CLIENT_SECRET_FILE) |
| INVERSIGHT_OIDC_NAME | Single sign-on | what the button says |
| INVERSIGHT_KEEP_EVIDENCE_DAYS | 365 | days after which per-record guesses are erased, whatever their data's own date |
| INVERSIGHT_LEASE | 60 | seconds after which a worker that fell silent loses its run to another |
| INVERSIGHT_LONGEST_ANSWER | 3600 | seconds a model may take for one command before it is stopped |
| INVERSIGHT_CHILD_MEMORY | 16 | GiB of memory that each of a worker's two children may use |
| INVERSIGHT_ALLOW_WEAK_SANDBOX | false | true lets workers open strangers' models without bubblewrap; every report says so |
| INVERSIGHT_GPU | false | true lets models reach this machine's NVIDIA GPU, so that networks beside a network are trained on it |
"""

import os
from datetime import timedelta
from pathlib import Path

from config import env
from config.logs import FORMATS, level_named, logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent
INVERSIGHT_HOME = env.home(BASE_DIR)
ARTIFACTS = INVERSIGHT_HOME / "artifacts"
EVIDENCE = INVERSIGHT_HOME / "evidence"
REPORTS = INVERSIGHT_HOME / "reports"
WORK = INVERSIGHT_HOME / "work"
# Artifacts, evidence and issued reports lie in these three folders, or under these three names in a bucket.
S3 = env.bucket()

DEBUG = env.switch("DEBUG", default=False)
SECRET_KEY = env.secret_key(INVERSIGHT_HOME)
SIGNING_KEY_FILE = env.signing_key_file(INVERSIGHT_HOME)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", default="127.0.0.1,localhost")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config",
    "accounts",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "axes",
    "governance",
    "assessments",
    "decisions",
    "reports",
]

MIDDLEWARE = [
    "config.health.asked_by_machines",
    "config.requests.told",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.csp.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Every page asks for sign-in unless its view says otherwise: a forgotten decorator closes a door, not opens one.
    "accounts.signed_out.SignedInOrWhole",
    "accounts.language.in_their_language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.requests.Readable",
    # Last, so that it may replace any answer to somebody locked out.
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "accounts.context.standing",
                "decisions.context.unread",
            ],
        },
    },
]

# No ATOMIC_REQUESTS: a service opens the transaction it needs, so an audit entry about a refusal is kept.
DATABASES = {"default": env.database(INVERSIGHT_HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign_in"
AUTHENTICATION_BACKENDS = ["accounts.lockout.Lockout", "allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

HTTPS = env.switch("INVERSIGHT_HTTPS", default=not DEBUG)
BEHIND_PROXY = env.switch("INVERSIGHT_BEHIND_PROXY", default=False)
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
METRICS_TOKEN = env.secret("INVERSIGHT_METRICS_TOKEN", "a long random text")
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Only where a proxy that overwrites this header stands in front; else anybody could claim to have come by https.
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Signing in: email addresses only, nobody signs themselves up (decision 12).
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_FORMS = {
    "login": "accounts.forms.SignInForm",
    "change_password": "accounts.forms.NewPasswordForm",
    "set_password": "accounts.forms.FirstPasswordForm",
    "reauthenticate": "accounts.forms.PasswordAgainForm",
}
# Sign-ins per network address; wrong codes and passwords that confirm something, per person. Wrong passwords at sign-in: axes.
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "5/5m/key", "reauthenticate": "10/m/user", "change_password": "5/m/user"}
MFA_ADAPTER = "accounts.adapters.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "accounts.forms.CodeForm",
    "reauthenticate": "accounts.forms.CodeAgainForm",
    "activate_totp": "accounts.forms.FirstCodeForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Inversight"
MFA_TOTP_TOLERANCE = 1
# Browsers allow security keys without https on localhost alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
SOCIALACCOUNT_ADAPTER = "accounts.adapters.SingleSignOnAdapter"
SOCIALACCOUNT_PROVIDERS = env.single_sign_on()
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
# A link: the security policy lets no form lead to another site, and `state` keeps others from finishing what they began.
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_STORE_TOKENS = False
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_CALLABLE = "accounts.lockout.address_tried"
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.network_address"
AXES_CLIENT_STR_CALLABLE = "accounts.lockout.nobody"
AXES_LOCKOUT_CALLABLE = "accounts.lockout.locked_page"
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
# Counts of tries must be the same for every process, so they are kept in the database.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "accounts_cache", "OPTIONS": {"MAX_ENTRIES": 10_000}},
    # How often each token asked the API: roughly right is enough, and reading must not mean writing.
    "rates": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "rates", "OPTIONS": {"MAX_ENTRIES": 10_000}},
}

# The REST API (docs/api.md). Each view names what it needs; a view that forgets is closed.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api_auth.BearerToken", "accounts.api_auth.SignedIn"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api_auth.HoldsPermission"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api_auth.PerToken"],
    "DEFAULT_THROTTLE_RATES": {"api": "600/min", "uploads": "1200/min", "submissions": "120/hour", "reports": "60/min"},
    "DEFAULT_PARSER_CLASSES": ["config.api_errors.Json"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api_errors.AnswersItsOwnWay",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.api_errors.answer",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Inversight",
    "VERSION": "1",
    "DESCRIPTION": "What a machine-learning model gives away about the people in its training data, measured. See docs/api.md.",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "config.api_schema.with_refusals"],
    "ENUM_NAME_OVERRIDES": {
        "AssessmentState": "assessments.models.State",
        "FindingState": "decisions.models.FindingState",
        "FindingVerdict": "decisions.models.VERDICTS",
        "GateVerdict": "decisions.gate.FAIL_ON",
        "SubmissionStatus": "assessments.api.assessments.STATUSES",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None, "tagsSorter": "alpha"},
}

vars().update(env.mail())
DEFAULT_FROM_EMAIL = os.environ.get("INVERSIGHT_MAIL_FROM", "inversight@localhost")
INVERSIGHT_URL = env.address("INVERSIGHT_URL", default="http://127.0.0.1:8000")
WEBHOOKS_TO_THIS_MACHINE = env.switch("INVERSIGHT_WEBHOOKS_TO_THIS_MACHINE", default=False)

# A table of a thousand columns has a field for each of their roles.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

# Pages alone have a language; what is kept, signed or read by programs is English (decision 15).
LANGUAGE_CODE = "en-gb"
# A language joins when its catalogue is whole: a sentence half in each language is worse than one in English (decision 15).
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "language"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# Bells for workers. Nothing is lost with a message: what there is to do stands in the database.
CELERY_BROKER_URL = env.broker()
CELERY_BROKER_TRANSPORT_OPTIONS = env.broker_options(CELERY_BROKER_URL, INVERSIGHT_HOME)
LEASE = env.positive("INVERSIGHT_LEASE", "seconds", default=60)
LONGEST_ANSWER = env.positive("INVERSIGHT_LONGEST_ANSWER", "seconds", default=3600)
KEEP_EVIDENCE_DAYS = env.positive("INVERSIGHT_KEEP_EVIDENCE_DAYS", "days", default=365)
CHILD_MEMORY = env.positive("INVERSIGHT_CHILD_MEMORY", "GiB", default=16)
ALLOW_WEAK_SANDBOX = env.switch("INVERSIGHT_ALLOW_WEAK_SANDBOX", default=False)
GPU = env.switch("INVERSIGHT_GPU", default=False)
# What runs as the two children of a worker.
CHILD_PROGRAMS = {"attack": "assessments.children.attack", "referee": "assessments.children.referee"}

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Gathered by `manage.py collectstatic` (`up` does it), served by the web process itself.
STATIC_ROOT = INVERSIGHT_HOME / "static"

LOGGING = logging_settings(level_named(os.environ.get("LOG_LEVEL", "INFO")), env.one_of("LOG_FORMAT", FORMATS))
