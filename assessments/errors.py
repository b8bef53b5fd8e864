"""Everything `assessments` refuses. Each message is one sentence for a person.

AssessmentError
├── Refused        a submission that cannot become a plan
├── Unopened       model or data cannot be opened, so no run of the assessment can be carried out
├── WrongState     an assessment that cannot go where it was sent; someone else may have moved it
├── ChildStopped   a child process died; the run may be tried again
│   └── ChildTooSlow   it overran its time; trying again would take as long
└── ChildRefused   a child answered with a reason; trying again changes nothing
    └── NotRun     the attack does not apply here
"""

from __future__ import annotations


class AssessmentError(Exception):
    """Root of the tree; `str(error)` is shown to people as it stands."""


class Refused(AssessmentError):
    """The submission cannot become a plan."""


class Unopened(AssessmentError):
    """Model or data cannot be opened; trying again changes nothing."""


class WrongState(AssessmentError):
    """The assessment is not in a state that allows this."""


class ChildStopped(AssessmentError):
    """A child process died."""


class ChildTooSlow(ChildStopped):
    """A child process took longer than one command may take."""


class ChildRefused(AssessmentError):
    """A child answered with a reason."""


class NotRun(ChildRefused):
    """The attack does not apply to this target or these data."""
