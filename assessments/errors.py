"""Everything `assessments` refuses. Each message is one sentence for a person.

AssessmentError
├── Refused        a submission that cannot become a plan
├── WrongState     an assessment that cannot go where it was sent; someone else may have moved it
├── ChildStopped   a child process died or overran its time; the run may be tried again
└── ChildRefused   a child answered with a reason; trying again changes nothing
    └── NotRun     the attack does not apply here
"""

from __future__ import annotations


class AssessmentError(Exception):
    """Root of the tree; `str(error)` is shown to people as it stands."""


class Refused(AssessmentError):
    """The submission cannot become a plan."""


class WrongState(AssessmentError):
    """The assessment is not in a state that allows this."""


class ChildStopped(AssessmentError):
    """A child process died, or took longer than the plan allows."""


class ChildRefused(AssessmentError):
    """A child answered with a reason."""


class NotRun(ChildRefused):
    """The attack does not apply to this target or these data."""
