"""The first page, and the way in and out."""

from __future__ import annotations

from allauth.account.views import LoginView
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts.models import Membership


def home(request: HttpRequest) -> HttpResponse:
    roles = Membership.objects.filter(user=request.user.pk).select_related("organisation")
    return render(request, "accounts/home.html", {"roles": roles})


sign_in = LoginView.as_view(template_name="accounts/sign_in.html")


@login_not_required  # who stands before the second factor may turn back
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign_in")
