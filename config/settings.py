"""All settings, top to bottom. What an operator may change comes from the environment, through config/env.py.

| variable | default | meaning |
|---|---|---|
| INVERSIGHT_HOME | var/ in the checkout | database, artifacts, evidence and scratch space of the embedded default |
| DATABASE_URL | SQLite in the home | postgres://user:password@host:5432/name for a server |
| SECRET_KEY, SECRET_KEY_FILE | generated in the home | signs sessions |
| ALLOWED_HOSTS | 127.0.0.1,localhost | names the site answers to, comma-separated |
| CSRF_TRUSTED_ORIGINS | none | https://name of a proxy that changes the host, comma-separated |
| INVERSIGHT_HTTPS | true | cookies travel over https only; false for http on this machine (script/server), or sign-in fails there |
| INVERSIGHT_BEHIND_PROXY | false | true where a proxy ends https and overwrites X-Forwarded-Proto |
| DEBUG | false | Django's own error pages; never on a reachable machine |
| LOG_LEVEL | INFO | DEBUG, INFO, WARNING or ERROR |
"""

import os
from pathlib import Path

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent
INVERSIGHT_HOME = env.home(BASE_DIR)
ARTIFACTS = INVERSIGHT_HOME / "artifacts"
EVIDENCE = INVERSIGHT_HOME / "evidence"
WORK = INVERSIGHT_HOME / "work"

DEBUG = env.switch("DEBUG", default=False)
SECRET_KEY = env.secret_key(INVERSIGHT_HOME)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", default="127.0.0.1,localhost")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "config",
    "accounts",
    "governance",
    "assessments",
    "decisions",
    "reports",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.csp.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Every page asks for sign-in unless its view says otherwise: a forgotten decorator closes a door, not opens one.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

HTTPS = env.switch("INVERSIGHT_HTTPS", default=not DEBUG)
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Only where a proxy that overwrites this header stands in front; else anybody could claim to have come by https.
if env.switch("INVERSIGHT_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"

# Paths and states, never names or addresses: a log is read by more people than the database.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {"django": {"handlers": ["stderr"], "level": "INFO", "propagate": False}},
}
