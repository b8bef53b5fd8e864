"""What people type when they add a model version or data. Permissions and files are checked by the services."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from accounts.models import Organisation
from governance.models import AISystem


class VersionForm(forms.Form):
    system = forms.ModelChoiceField(AISystem.objects.none(), label="AI system", empty_label=None)
    name = forms.CharField(max_length=150, label="Model", help_text="A new name starts a new model; a known one gets its next version.")

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = AISystem.objects.filter(organisation=organisation)  # type: ignore[attr-defined]


class DataForm(forms.Form):
    name = forms.CharField(max_length=150, label="Dataset", help_text="A new name starts a new dataset; a known one gets its next version.")
    source = forms.CharField(max_length=500, required=False, help_text="Where the records come from, such as “CRM export of 3 May 2026”.")
    controller = forms.CharField(max_length=200, required=False, help_text="Who decides about these records (GDPR Art. 4(7)).")
    legal_basis = forms.CharField(
        max_length=500, required=False, label="Legal basis of the test", help_text="Such as “Art. 6(1)(f) GDPR: security testing”."
    )
    retention_until = forms.DateField(
        required=False,
        label="Erase on",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The file is erased that day; its hash stays. Without a date it is kept until you erase it.",
    )

    def clean_retention_until(self) -> Any:
        until = self.cleaned_data["retention_until"]
        if until is not None and until <= timezone.now().date():
            raise forms.ValidationError("This day is past. Choose a day from tomorrow on.")
        return until
