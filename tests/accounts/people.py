"""People for the tests of this room, and what they do in a browser."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time

from django.test import Client
from django.urls import reverse

from accounts import services
from accounts.models import AuditEntry, Organisation, User
from accounts.roles import Role

PASSWORD = "correct horse battery"


def person(name: str, organisation: Organisation | None = None, *roles: Role) -> User:
    user = services.create_user(f"{name.lower()}@example.org", name, PASSWORD)
    for role in roles:
        assert organisation is not None
        services.add_member(organisation, user, role)
    return user


def sign_in(client: Client, user: User | str, password: str = PASSWORD, **data: str):
    email = user if isinstance(user, str) else user.email
    return client.post(reverse("sign_in"), {"login": email, "password": password, **data})


def signed_in(user: User) -> Client:
    """A browser in which `user` has typed the password, and nothing more."""
    client = Client()
    assert sign_in(client, user).status_code == 302
    return client


def totp(secret: str, steps: int = 0) -> str:
    """RFC 6238 as written there: the code of the step `steps` from now."""
    count = struct.pack(">Q", int(time.time()) // 30 + steps)
    digest = hmac.new(base64.b32decode(secret), count, hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def confirm_password(client: Client, page: str, password: str = PASSWORD):
    return client.post(f"{reverse('account_reauthenticate')}?next={reverse(page)}", {"password": password})


def switch_on_app(client: Client) -> tuple[str, list[str]]:
    """Goes the way a person goes; the app's key and the recovery codes."""
    assert client.get(reverse("mfa_activate_totp")).headers["Location"].startswith(reverse("account_reauthenticate"))
    confirm_password(client, "mfa_activate_totp")
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert secret
    # The code of the step before, so that the one of now is still unspent.
    answer = client.post(reverse("mfa_activate_totp"), {"code": totp(secret.group(1), -1)})
    assert answer.headers["Location"] == reverse("mfa_view_recovery_codes"), answer.content.decode()
    codes = re.findall(r"\b\d{8}\b", client.get(reverse("mfa_view_recovery_codes")).content.decode())
    return secret.group(1), codes


def actions(organisation: Organisation) -> list[str]:
    return list(AuditEntry.objects.filter(organisation=organisation).order_by("number").values_list("action", flat=True))
