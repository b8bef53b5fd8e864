"""What follows from an assessment's observations under the policy its plan was frozen with."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.verdict import Verdict

VERDICTS = [(v.value, v.value) for v in Verdict]


class Conclusion(models.Model):
    """The automatic conclusions of one assessment, written once: policy, impact per category, determination."""

    assessment = models.OneToOneField("assessments.Assessment", on_delete=models.CASCADE, related_name="conclusion")
    policy_sha256 = models.CharField(max_length=64)
    impact = models.JSONField()
    determination = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"conclusion of {self.assessment_id}"


class RuleVerdict(models.Model):
    """One rule for one feature; `row` is its line in results.json."""

    conclusion = models.ForeignKey(Conclusion, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveIntegerField()
    rule = models.CharField(max_length=20)
    feature = models.CharField(max_length=200, blank=True)
    verdict = models.CharField(max_length=20, choices=VERDICTS)
    row = models.JSONField()

    class Meta:
        ordering = ("conclusion", "position")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("conclusion", "position"), name="rule_placed_once"),
            models.CheckConstraint(condition=Q(verdict__in=[v.value for v in Verdict]), name="rule_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.feature} {self.verdict}"


class ControlVerdict(models.Model):
    """One control of one framework; `row` is its line in results.json."""

    conclusion = models.ForeignKey(Conclusion, on_delete=models.CASCADE, related_name="controls")
    position = models.PositiveIntegerField()
    framework = models.CharField(max_length=50)
    control = models.CharField(max_length=50)
    verdict = models.CharField(max_length=20, choices=VERDICTS)
    row = models.JSONField()

    class Meta:
        ordering = ("conclusion", "position")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("conclusion", "framework", "control"), name="control_judged_once"),
            models.CheckConstraint(condition=Q(verdict__in=[v.value for v in Verdict]), name="control_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"{self.control} {self.verdict}"


class Finding(models.Model):
    """A limit not met, or a question left open, that somebody has to look at."""

    conclusion = models.ForeignKey(Conclusion, on_delete=models.CASCADE, related_name="findings")
    number = models.PositiveIntegerField()
    verdict = models.CharField(max_length=20, choices=VERDICTS)
    row = models.JSONField()

    class Meta:
        ordering = ("conclusion", "number")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=("conclusion", "number"), name="finding_numbered_once"),
            models.CheckConstraint(condition=Q(verdict__in=["not_satisfied", "inconclusive"]), name="finding_is_open"),
        ]

    def __str__(self) -> str:
        return f"F-{self.number}"
