"""The first people of an installation, from the command line: there is no sign-up page."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts import services
from accounts.models import Organisation, User
from accounts.roles import Role


class Command(BaseCommand):
    help = "Give a person a role in an organisation, creating either where it is new. A new person's password is printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="", help="needed for a new person")
        parser.add_argument("--organisation", required=True, help="its short name, such as nordbank; created where it is new")
        parser.add_argument("--role", required=True, choices=Role.values)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                organisation = Organisation.objects.filter(slug=options["organisation"]).first()
                if organisation is None:
                    organisation = services.create_organisation(options["organisation"], slug=options["organisation"])
                user = self.person(options["email"], options["name"])
                services.add_member(organisation, user, Role(options["role"]))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{user.name} is {Role(options['role']).label.lower()} of {organisation.name}.")

    def person(self, email: str, name: str) -> User:
        known = User.objects.filter(email=email.strip().lower()).first()
        if known is not None:
            return known
        if not name:
            raise CommandError(f"{email} is new here; give their name with --name.")
        password = secrets.token_urlsafe(12)
        user = services.create_user(email, name, password)
        self.stdout.write(f"{user.email}  password {password}  (shown once)")
        return user
