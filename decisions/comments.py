"""What people say about an assessment; @ and an address's first part mentions somebody."""

from __future__ import annotations

import re

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import User
from accounts.roles import Permission
from accounts.selectors import may, people_who_may
from accounts.services import record
from assessments.models import Assessment
from decisions import notices
from decisions.errors import DecisionProblem
from decisions.models import Comment

MENTION = re.compile(r"(?<!\S)@([\w.+-]{1,64})")
LONGEST = 10_000


@transaction.atomic
def say(assessment: Assessment, *, by: User, text: str) -> Comment:
    """Add a comment; people named as @first.part of their address are mentioned. Raises DecisionProblem for an empty or endless one."""
    if not may(by, assessment.organisation, Permission.READ):
        raise PermissionDenied(f"This is for people of {assessment.organisation.name}.")
    said = text.strip()
    if not said:
        raise DecisionProblem("Write the comment first.")
    if len(said) > LONGEST:
        raise DecisionProblem(f"The comment has {len(said):,} characters; {LONGEST:,} are the most.")
    comment = Comment.objects.create(assessment=assessment, by=by, text=said)
    named = {name.lower().rstrip(".") for name in MENTION.findall(said)}
    people = people_who_may(assessment.organisation, Permission.READ)
    comment.mentions.set([one for one in people if one.email.partition("@")[0] in named])
    record(assessment.organisation, by, "commented", assessment)
    notices.mentioned(comment)
    return comment
