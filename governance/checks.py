"""A catalogue, mapping or policy that cannot be used stops the start, with a hint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register

from governance.errors import SetupProblem
from governance.frameworks import frameworks
from governance.policy import default_policy


@register()
def frameworks_load(**_: Any) -> Sequence[CheckMessage]:
    try:
        frameworks()
    except SetupProblem as problem:
        hint = "Correct the file in governance/frameworks; its schema is in governance/schemas."
        return [Error(str(problem), hint=hint, id="governance.E001")]
    return []


@register()
def policy_loads(**_: Any) -> Sequence[CheckMessage]:
    try:
        default_policy()
    except SetupProblem as problem:
        hint = "Correct governance/policies/default.yaml; its schema is in governance/schemas."
        return [Error(str(problem), hint=hint, id="governance.E002")]
    return []
