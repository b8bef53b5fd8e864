"""The language a person reads: the one they chose, else the one their browser asks for.

Only pages have a language. What programs read, what is signed and what is kept is English whoever asks (decision 15).
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST

from accounts.given import way_back
from accounts.models import User

ENGLISH = "en-gb"
FOR_PROGRAMS = "/api/"


def in_their_language(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware. Stands after the one that knows who asks."""

    def respond(request: HttpRequest) -> HttpResponse:
        language = language_for(request)
        with translation.override(language):
            response = get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Language", language)
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response

    return respond


def language_for(request: HttpRequest) -> str:
    if request.path_info.startswith(FOR_PROGRAMS):
        return ENGLISH
    user = getattr(request, "user", None)
    if isinstance(user, User) and (chosen := language_of(user)):
        return chosen
    return translation.get_language_from_request(request)


def language_of(user: User) -> str | None:
    """What this person chose, if that language is still there."""
    return user.language if user.language in dict(settings.LANGUAGES) else None


@login_not_required  # who cannot read the sign-in page changes it there
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Kept with the person where one is signed in, and in the browser for the pages before that."""
    language = request.POST.get("language", "")
    if language not in dict(settings.LANGUAGES):
        raise Http404("No such language.")
    if isinstance(request.user, User):
        User.objects.filter(pk=request.user.pk).update(language=language)
    response = way_back(request)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 24 * 3600,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response
