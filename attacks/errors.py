"""Everything `attacks` refuses, as one tree. Each message is one sentence for a person: what, where, what to do.

AttackError
├── DataProblem        a file or table that cannot be used
├── ModelProblem       a model file that cannot be used
│   └── UnsafeFormat   a format that can run code when it is opened
├── TargetProblem      the model answered with something that is not an answer
└── NotApplicable      the attack makes no sense here; becomes a run "not run, because ..."
    ├── AccessDenied   the owner granted less than the attack needs
    └── BudgetTooSmall fewer questions allowed than one pass needs
"""

from __future__ import annotations


class AttackError(Exception):
    """Root of the tree; `str(error)` is shown to people as it stands."""


class DataProblem(AttackError):
    """A file or table cannot be used."""


class ModelProblem(AttackError):
    """A model file cannot be used."""


class UnsafeFormat(ModelProblem):
    """The format can run code when it is opened."""


class TargetProblem(AttackError):
    """The model's answer has the wrong shape, holds NaN, or is no probability."""


class NotApplicable(AttackError):
    """The attack cannot say anything about this target or these data."""


class AccessDenied(NotApplicable):
    """The attack needs a higher rung than the owner granted."""


class BudgetTooSmall(NotApplicable):
    """One pass needs more questions than the budget allows."""
