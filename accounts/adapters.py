"""How django-allauth is bent to our rules: who gets in, what is said, and how second factors are kept."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.http import HttpRequest

from accounts.lockout import network_address
from accounts.models import User

# What a person is told after a deed; what is not here needs no words, because the page shows it.
SAID = {
    "account/messages/password_changed.txt": "Your password is changed. Other sessions of yours were ended.",
    "account/messages/password_set.txt": "Your password is set.",
    "mfa/messages/totp_activated.txt": "Your authenticator app is now asked for when you sign in.",
    "mfa/messages/totp_deactivated.txt": "Your authenticator app is switched off.",
    "mfa/messages/webauthn_added.txt": "Your security key is added.",
    "mfa/messages/webauthn_removed.txt": "Your security key is removed.",
    "usersessions/messages/sessions_logged_out.txt": "All your other sessions were ended.",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": ("This email address and password do not belong together. Check both; capitals count in the password."),
        "account_inactive": "This account is switched off. Ask your administrator to switch it on.",
        "enter_current_password": "This is not your current password. Check it; capitals count.",
        "incorrect_password": "This is not your password. Check it; capitals count.",
        "too_many_login_attempts": "Too many wrong tries. Wait 5 minutes, then try again.",
        "rate_limited": "Too many wrong tries. Wait 5 minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Nothing: axes counts wrong passwords, per address and network address, in the database."""

    def reauthenticate(self, user: User, password: str) -> bool:
        known = authenticate(self.request, email=user.email, password=password)
        return known is not None and known.pk == user.pk

    def get_client_ip(self, request: HttpRequest) -> str:
        return network_address(request)

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        said = message or SAID.get(message_template or "")
        if said:
            messages.add_message(request, level, said, extra_tags=extra_tags)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets lie encrypted in the database, so that a copy of it alone signs nobody in."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This code does not fit. Enter the newest one; each works once.",
        "cannot_generate_recovery_codes": "Recovery codes come with an authenticator app or a security key. Add one of them first.",
    }

    def encrypt(self, text: str) -> str:
        return _keys().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The secret; where another SECRET_KEY wrote it, a new random one, which fits no code anybody has."""
        try:
            return _keys().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def _get_site_name(self) -> str:
        return "Inversight"


def _keys() -> MultiFernet:
    """Made from SECRET_KEY; secrets under an older key (SECRET_KEY_FALLBACKS) stay readable."""
    keys = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    material = [hashlib.sha256(b"inversight second factor\0" + key.encode()) for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(each.digest())) for each in material])


class SingleSignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        from accounts.single_sign_on import let_in

        let_in(request, sociallogin)
