"""For the person who lost telephone, key and recovery codes: whoever runs the machine lets them in with the password again."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.models import User


class Command(BaseCommand):
    help = "Remove every second factor of a person, so that the password alone signs them in. Recorded in the audit trail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(f"Nobody here has the address {options['email']}.")
        factors = list(Authenticator.objects.filter(user=user))
        for factor in factors:
            # The trail must not say that the person did it.
            factor.removed_by = None
            factor.delete()
        if not factors:
            self.stdout.write(f"{user.name} has no second factor.")
            return
        self.stdout.write(f"{user.name} signs in with the password alone now. Ask them to switch a second factor on again.")
