from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm


class SignInForm(AuthenticationForm):
    """Django's form in our words: what went wrong and what to do, without saying whether the address is known."""

    error_messages = {
        "invalid_login": "This email address and password do not belong together. Check both; capitals count in the password.",
        "inactive": "This account is switched off. Ask your administrator to switch it on.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget = forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"})
        self.fields["username"].label = "Email address"
