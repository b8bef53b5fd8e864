"""Webhooks, for administrators: add, try out, switch off and on, remove; what was last delivered."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import require
from accounts.current import current_organisation
from accounts.models import User
from accounts.roles import Permission
from assessments.views.uploads import REFUSED, person
from decisions import webhooks as hooks
from decisions.errors import DecisionProblem
from decisions.notice_models import FOR_WEBHOOKS, Webhook

LATEST = 50


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@require(Permission.MANAGE_PEOPLE)
def webhooks(request: HttpRequest) -> HttpResponse:
    """The list; POST adds one, and its answer is the only page that shows the secret."""
    organisation, problem = current_organisation(request), ""
    if request.method == "POST":
        try:
            url, events = request.POST.get("url", "").strip(), request.POST.getlist("events")
            made, secret = hooks.add(organisation, url=url, events=events, by=person(request))
        except DecisionProblem as refusal:
            problem = str(refusal)
        else:
            return render(request, "decisions/webhook_made.html", {"webhook": made, "secret": secret, "here": "webhooks"})
    shown = {
        "webhooks": Webhook.objects.filter(organisation=organisation).select_related("created_by"),
        "kinds": [(str(kind), kind.label) for kind in FOR_WEBHOOKS],
        "chosen": request.POST.getlist("events") if request.method == "POST" else [str(kind) for kind in FOR_WEBHOOKS],
        "typed": request.POST,
        "problem": problem,
        "here": "webhooks",
    }
    return render(request, "decisions/webhooks.html", shown, status=REFUSED if problem else 200)


@require_safe
@require(Permission.MANAGE_PEOPLE)
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    found = _mine(request, pk)
    shown = {
        "webhook": found,
        "events": [kind.label for kind in FOR_WEBHOOKS if kind in found.events],
        "deliveries": found.deliveries.all()[:LATEST],
        "here": "webhooks",
    }
    return render(request, "decisions/webhook.html", shown)


@require_POST
@require(Permission.MANAGE_PEOPLE)
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    found = _mine(request, pk)
    if verb not in ACTS:
        raise Http404("There is no such deed.")
    try:
        messages.success(request, ACTS[verb](found, person(request)))
    except DecisionProblem as problem:
        messages.error(request, str(problem))
    return redirect("webhooks") if verb == "remove" else redirect("webhook", found.pk)


def _ping(webhook: Webhook, by: User) -> str:
    hooks.ping(webhook)
    return "The test is on its way; its answer stands here in a few seconds. Reload the page."


def _off(webhook: Webhook, by: User) -> str:
    hooks.switch(webhook, on=False, by=by)
    return "The webhook is switched off."


def _on(webhook: Webhook, by: User) -> str:
    hooks.switch(webhook, on=True, by=by)
    return "The webhook is switched on."


def _remove(webhook: Webhook, by: User) -> str:
    hooks.remove(webhook, by=by)
    return "The webhook is removed."


ACTS: dict[str, Callable[[Webhook, User], str]] = {"ping": _ping, "off": _off, "on": _on, "remove": _remove}


def _mine(request: HttpRequest, pk: int) -> Webhook:
    return get_object_or_404(Webhook, pk=pk, organisation=current_organisation(request))
