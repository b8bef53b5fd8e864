"""The audit trail: who did what, newest first, whether it is still whole, and the trail as files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from accounts import selectors, services
from accounts.current import organisation_where
from accounts.export import as_csv, as_json_lines
from accounts.models import AuditEntry, Organisation, User
from accounts.roles import Permission
from accounts.views.account import signed_in_user

PER_PAGE = 50
INSTALLATION = "0"


class FilterForm(forms.Form):
    person = forms.ChoiceField(required=False)
    action = forms.CharField(required=False, max_length=100)
    object = forms.CharField(required=False, max_length=200)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(memberships__organisation=organisation).distinct().values_list("pk", "name")
        field = self.fields["person"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "anybody"), (INSTALLATION, "the installation itself"), *((str(pk), name) for pk, name in people)]


def _found(organisation: Organisation, form: FilterForm) -> QuerySet[AuditEntry]:
    """The organisation's entries, newest first, that fit the filters; wrong filters are told and left out."""
    form.is_valid()
    given = form.cleaned_data
    entries = AuditEntry.objects.filter(organisation=organisation).order_by("-number")
    if given.get("person"):
        entries = entries.filter(actor=None) if given["person"] == INSTALLATION else entries.filter(actor=int(given["person"]))
    if given.get("action"):
        entries = entries.filter(action__icontains=given["action"])
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
    page = Paginator(_found(organisation, form).select_related("actor"), PER_PAGE).get_page(request.GET.get("page"))
    asked = {name: value for name, value in request.GET.items() if name in form.fields and value}
    shown = {
        "organisation": organisation,
        "form": form,
        "page": page,
        "asked": asked,
        "checked": selectors.verify_chain(organisation) if request.GET.get("check") == "1" else None,
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
