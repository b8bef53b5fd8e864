"""Tokens of the organisation's service accounts, for its administrators."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import tokens
from accounts.current import organisation_where
from accounts.models import ApiToken, Organisation, User
from accounts.people_forms import TokenForm
from accounts.roles import Permission
from accounts.views.account import signed_in_user


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def listed(request: HttpRequest) -> HttpResponse:
    organisation = organisation_where(request, Permission.MANAGE_PEOPLE)
    accounts = tokens.service_accounts(organisation)
    form = TokenForm(request.POST or None, accounts=accounts)
    if request.method == "POST" and form.is_valid():
        try:
            token, secret = _made(organisation, accounts, form, signed_in_user(request))
        except tokens.TokenProblem as problem:
            form.add_error(None, str(problem))
        else:
            # Shown in the answer itself, never again: the secret is kept nowhere.
            return render(request, "accounts/token_made.html", {"token": token, "secret": secret})
    listed_ones = ApiToken.objects.filter(organisation=organisation).select_related("user", "created_by")
    shown = {"organisation": organisation, "tokens": listed_ones, "form": form, "now": timezone.now()}
    return render(request, "accounts/tokens.html", shown)


def _made(organisation: Organisation, accounts: list[User], form: TokenForm, by: User) -> tuple[ApiToken, str]:
    given = form.cleaned_data
    chosen = next((account for account in accounts if str(account.pk) == given["service"]), None)
    service = chosen or tokens.make_service_account(organisation, given["service_name"], by=by)
    scopes = [Permission(scope) for scope in given["scopes"]]
    return tokens.make_token(organisation, service, given["name"], scopes, days=given["days"], by=by)


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    organisation = organisation_where(request, Permission.MANAGE_PEOPLE)
    tokens.revoke_token(get_object_or_404(ApiToken, organisation=organisation, pk=pk), by=signed_in_user(request))
    messages.success(request, "The token no longer works.")
    return redirect("tokens")
