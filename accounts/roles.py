"""Who may do what: the one table. Everything that asks "may she?" reads it through accounts.selectors.may."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from django.db.models import TextChoices


class Role(TextChoices):
    MODEL_OWNER = "model_owner", "Model owner"
    PRIVACY_OFFICER = "privacy_officer", "Privacy officer"
    RISK_OWNER = "risk_owner", "Risk owner"
    AUDITOR = "auditor", "Auditor"
    ADMINISTRATOR = "administrator", "Administrator"
    SERVICE_ACCOUNT = "service_account", "Service account"


class Permission(StrEnum):
    READ = "read"  # models, datasets, assessments, results
    EXPORT = "export"  # reports and evidence as files
    READ_TRAIL = "read_trail"  # the audit trail
    REGISTER = "register"  # models and datasets
    SUBMIT = "submit"  # an assessment
    CHANGE_POLICY = "change_policy"  # the limits rules compare with
    REVEAL = "reveal"  # look at reconstructions of people, each time with a reason
    REVIEW = "review"  # conclude the evidence review, give advice
    ISSUE_REPORT = "issue_report"
    DECIDE_RELEASE = "decide_release"
    ACCEPT_RISK = "accept_risk"
    MANAGE_PEOPLE = "manage_people"


P = Permission

# The officer advises and reviews, the risk owner decides (GDPR 38(6)): no role holds both REVIEW and DECIDE_RELEASE.
# A reconstruction is shown to those who judge or check the evidence; its owner learns from the numbers what must change.
# The administrator decides who is in, and therefore nothing else.
MAY: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.MODEL_OWNER: frozenset({P.READ, P.EXPORT, P.REGISTER, P.SUBMIT}),
        Role.PRIVACY_OFFICER: frozenset({P.READ, P.EXPORT, P.READ_TRAIL, P.CHANGE_POLICY, P.REVEAL, P.REVIEW, P.ISSUE_REPORT}),
        Role.RISK_OWNER: frozenset({P.READ, P.EXPORT, P.DECIDE_RELEASE, P.ACCEPT_RISK}),
        Role.AUDITOR: frozenset({P.READ, P.EXPORT, P.READ_TRAIL, P.REVEAL}),
        Role.ADMINISTRATOR: frozenset({P.READ_TRAIL, P.MANAGE_PEOPLE}),
        Role.SERVICE_ACCOUNT: frozenset({P.READ, P.EXPORT, P.REGISTER, P.SUBMIT}),
    }
)
