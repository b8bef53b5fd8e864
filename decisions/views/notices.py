"""What was said to me, newest first."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.current import current_organisation
from accounts.paging import page_of
from assessments.views.uploads import person
from decisions.notice_models import Message
from decisions.notices import mark_read, unread_for


@require_http_methods(["GET", "HEAD", "POST"])
def notices(request: HttpRequest) -> HttpResponse:
    """My own and nobody else's, in the organisation I work in now, whatever my role there. POST: all of them are read."""
    organisation, me = current_organisation(request), person(request)
    if request.method == "POST":
        mark_read(me, organisation)
        return redirect("notices")
    rows = Message.objects.filter(person=me, organisation=organisation)
    shown = {"page": page_of(rows, request), "unread": unread_for(me, organisation), "here": "notices"}
    return render(request, "decisions/notices.html", shown)
