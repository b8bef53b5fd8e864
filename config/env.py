"""What settings.py reads from the environment. Every function fails with one sentence rather than guess."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

# What the embedded default keeps in its home. `artifacts`, `evidence` and `reports` are the record.
FOLDERS = ("artifacts", "evidence", "reports", "work", "broker", "static")
PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
FILES = "filesystem://localhost"
BROKERS = ("filesystem", "redis", "rediss")
NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"
MAILERS = ("smtp", "smtps", "smtp+tls", "smtp+ssl", "consolemail", "filemail")
SQLITE = "django.db.backends.sqlite3"
# The two whose triggers keep the audit trail append-only.
SCHEMES = ("sqlite", "postgres", "postgresql")


def switch(name: str, *, default: bool) -> bool:
    """The variable `name` as yes or no; anything but true, false, 1 or 0 is refused."""
    word = os.environ.get(name, "").strip().lower()
    if not word:
        return default
    if word in ("true", "1"):
        return True
    if word in ("false", "0"):
        return False
    raise ImproperlyConfigured(f"{name} is {word!r}; set it to true or false.")


def one_of(name: str, choices: Sequence[str]) -> str:
    """The variable `name`, which must be one of `choices`; the first where it is not set."""
    word = os.environ.get(name, "").strip() or choices[0]
    if word not in choices:
        raise ImproperlyConfigured(f"{name} is {word!r}; set it to {' or '.join(choices)}.")
    return word


def words(name: str, *, default: str = "") -> list[str]:
    """The variable `name` as a comma-separated list without empty parts."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def home(checkout: Path) -> Path:
    """The folder named by INVERSIGHT_HOME (default `var/` in the checkout), created for its owner alone."""
    folder = Path(os.environ.get("INVERSIGHT_HOME") or checkout / "var").expanduser().absolute()
    try:
        for path in (folder, *(folder / name for name in FOLDERS)):
            path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The home folder {folder} cannot be created ({error.strerror}); set INVERSIGHT_HOME to a folder you may write."
        ) from error
    return folder


def positive(name: str, unit: str, *, default: float) -> float:
    """The variable `name` as a number of `unit` above 0."""
    text = os.environ.get(name, "").strip()
    try:
        value = float(text or default)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ImproperlyConfigured(f"{name} is {text!r}; set it to a number of {unit} above 0.")
    return value


def secret(name: str, what: str) -> str:
    """The variable `name`, or the text of the file that `name`_FILE names, or nothing. `what` says what belongs into the file."""
    given = os.environ.get(name)
    named = os.environ.get(f"{name}_FILE")
    if given or not named:
        return given or ""
    try:
        text = Path(named).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE {named} cannot be read ({error.strerror}).") from error
    if not text:
        raise ImproperlyConfigured(f"{name}_FILE {named} is empty; write {what} into it.")
    return text


def secret_key(home: Path) -> str:
    """SECRET_KEY, or the text of SECRET_KEY_FILE, or a key generated once and kept in the home."""
    return secret("SECRET_KEY", "a long random text") or _generated_once(home / "secret_key")


def _generated_once(path: Path) -> str:
    """The key in `path`, written on first use. Two processes that start together end with the same key."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "w") as file:
            file.write(secrets.token_urlsafe(64))
        try:
            # A link fails when the name is taken, so the first writer wins and nobody reads half a key.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="utf-8").strip()


def signing_key_file(home: Path) -> Path:
    """The file of the key that signs reports: INVERSIGHT_SIGNING_KEY_FILE, or one in the home that is made on first use."""
    named = os.environ.get("INVERSIGHT_SIGNING_KEY_FILE", "").strip()
    if named and not Path(named).is_file():
        raise ImproperlyConfigured(f"INVERSIGHT_SIGNING_KEY_FILE {named} is no file; write 64 hex digits into it: openssl rand -hex 32")
    return Path(named).absolute() if named else home / "signing.key"


def database(home: Path) -> dict[str, Any]:
    """Django's settings for DATABASE_URL; without one, SQLite in the home."""
    url = secret("DATABASE_URL", "postgres://user:password@host:5432/name") or f"sqlite:///{home / 'db.sqlite3'}"
    # Never chained nor printed: the address may hold a password.
    unreadable = ImproperlyConfigured("DATABASE_URL cannot be read; write postgres://user:password@host:5432/name or sqlite:////path.")
    if url.split("://")[0] not in SCHEMES:
        raise unreadable
    try:
        settings: dict[str, Any] = dict(environ.Env.db_url_config(url))
    except ValueError:
        raise unreadable from None
    if settings["ENGINE"] == SQLITE:
        # IMMEDIATE takes the write lock when a transaction opens: a read that turns into a write never fails half way.
        settings["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        }
    else:
        settings["CONN_MAX_AGE"] = None
        settings["CONN_HEALTH_CHECKS"] = True
    return settings


def broker() -> str:
    """CELERY_BROKER_URL, or files in the home."""
    url = secret("CELERY_BROKER_URL", "redis://:password@host:6379/0") or FILES
    if url.split("://")[0] not in BROKERS:
        # Never printed: the address may hold a password.
        raise ImproperlyConfigured("CELERY_BROKER_URL cannot be used; write redis://:password@host:6379/0, or leave it out.")
    return url


def broker_options(url: str, home: Path) -> dict[str, Any]:
    """What kombu needs to know about the broker: where the files lie, or how long to wait for the server."""
    if url != FILES:
        waits = {"socket_timeout": 5, "socket_connect_timeout": 2, "socket_keepalive": True, "health_check_interval": 10}
        # Who rings a bell does not wait for a broker that is down; workers have their own, endless patience.
        return waits | {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}
    folders = {name: home / "broker" / name for name in ("queue", "control", "processed")}
    for folder in folders.values():
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    return {
        "data_folder_in": str(folders["queue"]),
        "data_folder_out": str(folders["queue"]),
        "control_folder": str(folders["control"]),
        # Else every message would pass through the shared temporary folder. The sweeper empties it.
        "store_processed": True,
        "processed_folder": str(folders["processed"]),
        "polling_interval": 0.1,
    }


def bucket() -> dict[str, Any] | None:
    """django-storages' settings for S3_BUCKET; None where bytes are kept in the home."""
    name = os.environ.get("S3_BUCKET", "").strip()
    if not name:
        return None
    return {
        "bucket_name": name,
        "endpoint_url": os.environ.get("S3_ENDPOINT_URL") or None,
        "region_name": os.environ.get("S3_REGION") or None,
        "access_key": secret("S3_ACCESS_KEY", "the access key") or None,
        "secret_key": secret("S3_SECRET_KEY", "the secret key") or None,
        # Bytes are named by their hash, so the same name is the same object; nobody but this program may read it.
        "file_overwrite": True,
        "default_acl": None,
        "querystring_auth": True,
    }


def mail() -> dict[str, Any]:
    """Django's mail settings for EMAIL_URL; without one, nothing is mailed."""
    url = secret("EMAIL_URL", "smtp+tls://user:password@host:587")
    if not url:
        return {"EMAIL_BACKEND": NO_MAIL}
    # Never chained nor printed: the address may hold a password.
    unreadable = ImproperlyConfigured("EMAIL_URL cannot be read; write smtp+tls://user:password@host:587.")
    if url.split("://")[0] not in MAILERS:
        raise unreadable
    try:
        settings: dict[str, Any] = dict(environ.Env.email_url_config(url))
    except ValueError:
        raise unreadable from None
    return {name: value for name, value in settings.items() if name.startswith("EMAIL_")} | {"EMAIL_TIMEOUT": 10}


def address(name: str, *, default: str) -> str:
    """The variable `name` as the beginning of a link, without its last slash."""
    text = os.environ.get(name, "").strip().rstrip("/") or default
    if not text.startswith(("https://", "http://")) or any(sign.isspace() for sign in text):
        raise ImproperlyConfigured(f"{name} is {text!r}; set it to an address such as https://inversight.example.org.")
    return text


def single_sign_on() -> dict[str, Any]:
    """allauth's settings for INVERSIGHT_OIDC_ISSUER; nothing where none is set."""
    issuer = os.environ.get("INVERSIGHT_OIDC_ISSUER", "").strip().rstrip("/")
    if not issuer:
        return {}
    client_id = os.environ.get("INVERSIGHT_OIDC_CLIENT_ID", "").strip()
    client_secret = secret("INVERSIGHT_OIDC_CLIENT_SECRET", "the client secret your provider gave you")
    if not issuer.startswith(("https://", "http://localhost:", "http://127.0.0.1:")):
        raise ImproperlyConfigured("INVERSIGHT_OIDC_ISSUER must begin with https://.")
    if not client_id or not client_secret:
        raise ImproperlyConfigured(
            "INVERSIGHT_OIDC_ISSUER needs INVERSIGHT_OIDC_CLIENT_ID and INVERSIGHT_OIDC_CLIENT_SECRET (or _FILE) beside it."
        )
    app = {
        "provider_id": "single-sign-on",
        "name": os.environ.get("INVERSIGHT_OIDC_NAME") or "Single sign-on",
        "client_id": client_id,
        "secret": client_secret,
        "settings": {"server_url": issuer, "oauth_pkce_enabled": True, "fetch_userinfo": False},
    }
    return {"openid_connect": {"APPS": [app]}}
