"""What people type about AI systems. Choices and lengths are checked here, permissions in the services."""

from __future__ import annotations

from typing import Any

from django import forms

from governance.models import AISystem

RELEASES = (
    ("label", "Public: its users see the answer only"),
    ("scores", "Partners: they see every probability"),
    ("gradients", "Inside: staff see gradients and inner layers"),
    ("weights", "Handed over: others hold the model file"),
)


class SystemForm(forms.Form):
    name = forms.CharField(max_length=200, help_text="What the model is used for, such as “loan decisions”.")
    purpose = forms.CharField(
        max_length=5_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Who decides what with it, and about whom.",
    )
    legal_basis = forms.CharField(
        max_length=500, required=False, label="Legal basis", help_text="Such as “Art. 6(1)(b) GDPR, contract”. Reports print it."
    )
    data_subjects = forms.CharField(
        max_length=500,
        required=False,
        label="Data subjects",
        help_text="Whose data the models learn from, such as “applicants since 2019”.",
    )
    release = forms.ChoiceField(
        choices=RELEASES,
        initial="scores",
        widget=forms.RadioSelect,
        label="Who can ask the model, and what do they see?",
        help_text="Assessments start with this attacker; each can choose another.",
    )
    vulnerable_people = forms.BooleanField(
        required=False,
        label="Children, patients or other vulnerable people are among them, or data about offences",
        help_text="This and the next two raise the severity of a risk by one step each.",
    )
    presence_is_sensitive = forms.BooleanField(
        required=False, label="Being in the data says something sensitive by itself", help_text="Such as the records of a clinic."
    )
    serious_decisions = forms.BooleanField(required=False, label="Its decisions touch people’s work, credit, health or liberty")

    def __init__(self, *args: Any, instance: AISystem | None = None, **kwargs: Any) -> None:
        fields = tuple(self.base_fields)
        if instance is not None:
            kwargs["initial"] = {field: getattr(instance, field) for field in fields}
        super().__init__(*args, **kwargs)
