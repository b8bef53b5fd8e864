"""The audit trail: who did what, newest first, whether it is still whole, and the trail as files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from accounts import services
from accounts.current import organisation_where
from accounts.export import as_csv, as_json_lines
from accounts.integrity import check_chain, last_check
from accounts.models import AuditEntry, Organisation, User
from accounts.paging import page_of
from accounts.roles import Permission
from accounts.sayings import said_lazily
from accounts.selectors import actions_in
from accounts.views.account import signed_in_user

INSTALLATION = "0"


class FilterForm(forms.Form):
    person = forms.ChoiceField(required=False)
    action = forms.ChoiceField(label="What was done", required=False)
    object = forms.CharField(required=False, max_length=200)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(memberships__organisation=organisation).distinct().values_list("pk", "name")
        others = [("", said_lazily("anybody")), (INSTALLATION, said_lazily("the installation itself"))]
        self._offer("person", [*others, *((str(pk), name) for pk, name in people)])
        self._offer("action", [("", said_lazily("anything")), *((action, said_lazily(action)) for action in actions_in(organisation))])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices


def _found(organisation: Organisation, form: FilterForm) -> QuerySet[AuditEntry]:
    """The organisation's entries, newest first, that fit the filters; wrong filters are told and left out."""
    form.is_valid()
    given = form.cleaned_data
    entries = AuditEntry.objects.filter(organisation=organisation).order_by("-number")
    if given.get("person"):
        entries = entries.filter(actor=None) if given["person"] == INSTALLATION else entries.filter(actor=int(given["person"]))
    if given.get("action"):
        entries = entries.filter(action=given["action"])
    if given.get("object"):
        entries = entries.filter(object__icontains=given["object"])
    if given.get("since"):
        entries = entries.filter(at__date__gte=given["since"])
    if given.get("until"):
        entries = entries.filter(at__date__lte=given["until"])
    return entries


@require_GET
def trail(request: HttpRequest) -> HttpResponse:
    organisation = organisation_where(request, Permission.READ_TRAIL)
    form = FilterForm(request.GET, organisation=organisation)
    page = page_of(_found(organisation, form).select_related("actor"), request)
    asked = {name: value for name, value in request.GET.items() if name in form.fields and value}
    shown = {
        "organisation": organisation,
        "form": form,
        "page": page,
        "asked": asked,
        "checked": check_chain(organisation) if request.GET.get("check") == "1" else last_check(organisation),
    }
    return render(request, "accounts/audit.html", shown)


@require_POST
def export_csv(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """What the page shows, as a table. By POST, because that it was taken is recorded."""
    organisation = organisation_where(request, Permission.READ_TRAIL)
    entries = _found(organisation, FilterForm(request.POST, organisation=organisation))
    services.record(organisation, signed_in_user(request), "exported the trail", organisation, {"form": "csv"})
    return _file(as_csv(entries), "text/csv; charset=utf-8", f"audit-{organisation.slug}.csv")


@require_POST
def export_json(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    organisation = organisation_where(request, Permission.READ_TRAIL)
    last = services.record(organisation, signed_in_user(request), "exported the trail", organisation, {"form": "json lines"})
    return _file(as_json_lines(last), "application/jsonl; charset=utf-8", f"audit-{organisation.slug}.jsonl")


def _file(lines: Iterator[str], kind: str, name: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(lines, content_type=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
