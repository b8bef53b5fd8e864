"""Signing in through an OpenID Connect provider that the operator named (INVERSIGHT_OIDC_ISSUER). It lets in nobody new:

only a person whose address the provider vouches for, and who is known here or was invited. Their second factor, if they have
one here, is still asked for.
"""

from __future__ import annotations

import hashlib
from typing import Any

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import people
from accounts.models import User

SIGNED_BY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


class Checked(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """Checks the provider's signature although the answer came straight from it, and knows people by provider and number."""

    def _decode_id_token(self, app: Any, id_token: str) -> dict[str, Any]:
        jwt = jwtkit.jwt
        try:
            if jwt.get_unverified_header(id_token).get("alg") not in SIGNED_BY:
                raise OAuth2Error("The answer is not signed by a key of the provider.")
            issuer = self.openid_config["issuer"]
            if issuer.rstrip("/") != app.settings["server_url"]:
                raise OAuth2Error("The provider gives itself another name than the one it is known by.")
            told: dict[str, Any] = jwtkit.verify_and_decode(
                credential=id_token,
                keys_url=self.openid_config["jwks_uri"],
                issuer=issuer,
                audience=app.client_id,
                lookup_kid=jwtkit.lookup_kid_jwk,
            )
        except (AttributeError, KeyError, TypeError, ValueError, jwt.PyJWTError) as problem:
            raise OAuth2Error("The provider's answer cannot be read.") from problem
        return told

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **more: Any) -> Any:
        if not more["response"].get("id_token"):
            raise OAuth2Error("The provider sent no identity.")
        login = super().complete_login(request, app, token, **more)
        # Another provider may give the same number to another person.
        login.account.uid = hashlib.sha256(f"{app.settings['server_url']}\0{login.account.uid}".encode()).hexdigest()
        return login


def button() -> str:
    """What the button on the sign-in page says; empty where no provider is named."""
    apps = settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", [])
    return apps[0]["name"] if apps else ""


@login_not_required
@never_cache
@require_GET
def start(request: HttpRequest, provider_id: str) -> HttpResponse:
    # Whatever else allauth would take from an address (process, scope, auth_params) is not for visitors to choose.
    kept = request.GET.copy()
    for name in set(kept) - {"next"}:
        del kept[name]
    request.GET = kept  # type: ignore[assignment]
    try:
        adapter = Checked(request, provider_id)
        return _answer(OAuth2LoginView.adapter_view(adapter)(request))
    except SocialApp.DoesNotExist:
        raise Http404("No single sign-on.") from None
    except (requests.RequestException, KeyError, ValueError):
        return render(request, "accounts/single_sign_on_down.html", status=503)


@login_not_required
@never_cache
@require_GET
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    try:
        return _answer(OAuth2CallbackView.adapter_view(Checked(request, provider_id))(request))
    except SocialApp.DoesNotExist:
        raise Http404("No single sign-on.") from None
    except (KeyError, TypeError, ValueError) as problem:
        # What a provider sends is not ours to trust.
        return _answer(render_authentication_error(request, None, exception=problem))


def _answer(answer: Any) -> HttpResponse:
    assert isinstance(answer, HttpResponse)
    return answer


@login_not_required
def turned_back(request: HttpRequest) -> HttpResponse:
    messages.info(request, "You turned back, so nobody is signed in.")
    return redirect("sign_in")


@transaction.atomic
def let_in(request: HttpRequest, sociallogin: Any) -> None:
    """Connect the login to a person known here or invited; else answer with one clear page."""
    # Only that the provider knows them is kept, not what it told of them.
    told, sociallogin.account.extra_data = sociallogin.account.extra_data, {}
    if sociallogin.is_existing:
        sociallogin.account.save(update_fields=["extra_data"])
        return
    email = next((each.email.strip().lower() for each in sociallogin.email_addresses if each.verified is True), "")
    user = User.objects.filter(email=email).first() if email else None
    if user is None and email:
        user = _invited(email, str((told.get("id_token") or {}).get("name") or email.partition("@")[0]))
    if user is None:
        raise ImmediateHttpResponse(render(request, "accounts/single_sign_on_refused.html", {"email": email}, status=403))
    if user.is_active:
        for invitation in people.still_open().filter(email=email):
            people.accept(invitation, user)
    sociallogin.connect(request, user)


def _invited(email: str, name: str) -> User | None:
    """A new person for an invited address; None where nobody invited it."""
    invitation = people.still_open().filter(email=email).first()
    return people.accept_as_new(invitation, " ".join(name.split())[:200] or email, None) if invitation else None
