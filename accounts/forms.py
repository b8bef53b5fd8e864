"""Forms of signing in, in our words: what went wrong and what to do, without saying whether an address is known."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm, LoginForm, SetPasswordForm
from allauth.account.forms import ReauthenticateForm as PasswordAgain
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms

from accounts import second_factor, trail
from accounts.models import User
from accounts.people_forms import PASSWORD_RULE


class SignInForm(LoginForm):  # type: ignore[misc]  # allauth has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Email address"
        self.fields["login"].widget = forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"})
        self.fields["password"].widget.attrs.pop("placeholder", None)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        # Only who knows the password is told that the account is switched off.
        if self.user is not None and not self.user.is_active:
            raise get_adapter().validation_error("account_inactive")
        return cleaned


class _SpentOnce(forms.Form):
    """Checks a code by our own count of used ones, which survives restarts and holds for every process."""

    user: User
    said = "sign-in failed"

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not second_factor.try_allowed(context.request, self.user):
            raise forms.ValidationError(second_factor.TOO_MANY)
        self.authenticator = second_factor.authenticator_fitting(self.user, code)
        if self.authenticator is None:
            trail.everywhere(self.user, None, self.said, {"by": ["code"]})
            raise forms.ValidationError(second_factor.WRONG["code"])
        second_factor.forgive(context.request, self.user)
        return code


def _code_field(help_text: str = "") -> forms.CharField:
    attributes = {"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "off"}
    return forms.CharField(label="Code", max_length=40, help_text=help_text, widget=forms.TextInput(attrs=attributes))


class CodeForm(_SpentOnce, AuthenticateForm):  # type: ignore[misc]
    code = _code_field("The six digits your authenticator app shows now, or one of your recovery codes.")


class CodeAgainForm(_SpentOnce, ReauthenticateForm):  # type: ignore[misc]
    code = _code_field("The six digits your authenticator app shows now, or one of your recovery codes.")
    said = "confirmation failed"


class FirstCodeForm(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of a new app proves that it was set up right; it is spent by that."""

    code = _code_field("The six digits your app shows now.")

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not second_factor.try_allowed(context.request, self.user):
            raise forms.ValidationError(second_factor.TOO_MANY)
        self.step = second_factor.matching_step(self.secret, code)
        if self.step is None:
            raise forms.ValidationError("This code does not fit. Check that the clock of your device is right, then enter the newest code.")
        second_factor.forgive(context.request, self.user)
        return code


class NewPasswordForm(ChangePasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _in_our_words(self, {"oldpassword": "Current password", "password1": "New password", "password2": "New password again"})


class FirstPasswordForm(SetPasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _in_our_words(self, {"password1": "New password", "password2": "New password again"})


class PasswordAgainForm(PasswordAgain):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _in_our_words(self, {"password": "Your password"})


def _in_our_words(form: forms.Form, labels: dict[str, str]) -> None:
    for name, label in labels.items():
        field = form.fields[name]
        field.label = label
        field.help_text = PASSWORD_RULE if name == "password1" else ""
        field.widget.attrs.pop("placeholder", None)
