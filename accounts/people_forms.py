"""Forms of administrators and of whom they invite."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from accounts.models import User
from accounts.roles import MAY, Permission, Role
from accounts.sayings import said_lazily
from accounts.tokens import DAYS, MOST_DAYS

PASSWORD_RULE = "At least 12 characters, not only digits, and nothing others would guess."  # noqa: S105
PEOPLE_ROLES = [(role.value, said_lazily(role.label)) for role in Role if role != Role.SERVICE_ACCOUNT]
SCOPES = {
    Permission.READ: "Read models, datasets, assessments and results",
    Permission.EXPORT: "Take results and draft reports as files",
    Permission.REGISTER: "Add models and datasets",
    Permission.SUBMIT: "Submit assessments",
}


class InviteForm(forms.Form):
    email = forms.EmailField(label="Email address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label="Role", choices=PEOPLE_ROLES)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label="Role", choices=[(role.value, said_lazily(role.label)) for role in Role])


class WelcomeForm(forms.Form):
    """What an invited person chooses."""

    name = forms.CharField(label="Your name", max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}))
    password = forms.CharField(
        label="A password", help_text=PASSWORD_RULE, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("password"):
            try:
                validate_password(given["password"], User(email=self.email, name=given.get("name", "")))
            except forms.ValidationError as problem:
                self.add_error("password", problem)
        return given


class TokenForm(forms.Form):
    service = forms.ChoiceField(label="Service account", required=False)
    service_name = forms.CharField(label="Or a new service account", help_text="Such as: nightly pipeline", max_length=100, required=False)
    name = forms.CharField(label="Name of the token", max_length=100)
    days = forms.IntegerField(label="Days until it ends", min_value=1, max_value=MOST_DAYS, initial=DAYS)
    scopes = forms.MultipleChoiceField(
        label="It may", choices=[(str(scope), words) for scope, words in SCOPES.items()], widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, accounts: list[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert set(SCOPES) == MAY[Role.SERVICE_ACCOUNT]
        field = self.fields["service"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", said_lazily("a new one")), *((str(account.pk), account.name) for account in accounts)]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not given.get("service") and not given.get("service_name", "").strip():
            self.add_error("service_name", "Choose a service account, or name a new one.")
        return given
