"""The way in and out."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts import single_sign_on


class SignIn(LoginView):  # type: ignore[misc]  # allauth has no types
    template_name = "accounts/sign_in.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "single_sign_on": single_sign_on.button()}


sign_in = SignIn.as_view()


@login_not_required  # who stands before the second factor may turn back
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign_in")
