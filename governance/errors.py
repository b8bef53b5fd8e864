"""Everything `governance` refuses, as one tree. Each message is one sentence for a person: what, where, what to do.

GovernanceError
├── SetupProblem      a policy, catalogue or mapping file that cannot be used
├── RegistryProblem   a model, dataset or file that cannot be registered
├── PolicyProblem     a change of the policy that cannot be made
└── StoreProblem      stored bytes that are missing, altered or erased
"""

from __future__ import annotations


class GovernanceError(Exception):
    """Root of the tree; `str(error)` is shown to people as it stands."""


class SetupProblem(GovernanceError):
    """A policy, catalogue or mapping cannot be used."""


class RegistryProblem(GovernanceError):
    """A model, dataset or file cannot be registered."""


class PolicyProblem(GovernanceError):
    """A change of the policy cannot be made."""


class StoreProblem(GovernanceError):
    """Stored bytes are missing, altered or erased, or cannot be stored."""
