"""Your account: password, second factor, sessions. The forms are django-allauth's; the pages and words are ours."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from allauth.mfa.webauthn import views as keys
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import second_factor, selectors
from accounts.adapters import SecondFactorAdapter
from accounts.current import current_organisation
from accounts.models import Membership, User
from accounts.roles import Permission


def overview(request: HttpRequest) -> HttpResponse:
    user = signed_in_user(request)
    organisations = selectors.organisations_of(user)
    current = current_organisation(request) if organisations else None
    shown = {
        "organisations": organisations,
        "current": current,
        "roles": Membership.objects.filter(user=user).select_related("organisation"),
        "second_factor": second_factor.kind_asked(user) == "code",
        "manages_people": current is not None and selectors.may(user, current, Permission.MANAGE_PEOPLE),
        "reads_trail": current is not None and selectors.may(user, current, Permission.READ_TRAIL),
    }
    return render(request, "accounts/account.html", shown)


def signed_in_user(request: HttpRequest) -> User:
    """The person asking. LoginRequiredMiddleware lets nobody else through."""
    assert isinstance(request.user, User)
    return request.user


class SwitchOnApp(totp.ActivateTOTPView):  # type: ignore[misc]  # allauth has no types
    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        added = Authenticator.objects.get(user=self.request.user, type=Authenticator.Type.TOTP)
        second_factor.remember_step(added, form.step)
        return answer


@require_GET
@never_cache
def app_code(request: HttpRequest) -> HttpResponse:
    """The picture to scan, as a file: the security policy allows no pictures inside pages."""
    import qrcode
    from qrcode.image.svg import SvgPathFillImage

    secret = request.session.get(SECRET_SESSION_KEY)
    if not secret:
        raise Http404
    picture = BytesIO()
    qrcode.make(SecondFactorAdapter().build_totp_url(request.user, secret), image_factory=SvgPathFillImage).save(picture)
    return HttpResponse(picture.getvalue(), content_type="image/svg+xml")


@require_GET
def sessions(request: HttpRequest) -> HttpResponse:
    listed = UserSession.objects.purge_and_list(signed_in_user(request))
    return render(request, "accounts/sessions.html", {"sessions": sorted(listed, key=lambda one: one.created_at, reverse=True)})


@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    others = UserSession.objects.exclude(session_key=request.session.session_key)
    get_object_or_404(others, pk=pk, user=signed_in_user(request)).end()
    messages.success(request, "That session was ended.")
    return redirect("usersessions_list")


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    for session in UserSession.objects.filter(user=signed_in_user(request)).exclude(session_key=request.session.session_key):
        session.end()
    messages.success(request, "All your other sessions were ended.")
    return redirect("usersessions_list")


# What allauth calls its pages, and where each of its own views stands in for one of ours.
inactive = login_not_required(account.account_inactive)
new_password = account.PasswordChangeView.as_view(template_name="accounts/password.html", success_url="/account/")
first_password = account.PasswordSetView.as_view(template_name="accounts/password.html", success_url="/account/")
password_again = account.ReauthenticateView.as_view(template_name="accounts/confirm.html")
code_again = mfa.ReauthenticateView.as_view(template_name="accounts/confirm.html")
key_again = keys.ReauthenticateWebAuthnView.as_view(template_name="accounts/confirm_with_key.html")
code_asked = mfa.AuthenticateView.as_view(template_name="accounts/code.html")
factors = mfa.IndexView.as_view(template_name="accounts/second_factor.html")
switch_on_app = SwitchOnApp.as_view(template_name="accounts/app_on.html")
switch_off_app = totp.DeactivateTOTPView.as_view(template_name="accounts/app_off.html")
recovery_codes = never_cache(recovery.ViewRecoveryCodesView.as_view(template_name="accounts/recovery_codes.html"))
new_recovery_codes = recovery.GenerateRecoveryCodesView.as_view(template_name="accounts/new_recovery_codes.html")
add_key = keys.AddWebAuthnView.as_view(template_name="accounts/key_add.html")
remove_key = keys.RemoveWebAuthnView.as_view(template_name="accounts/key_remove.html")
