"""One demo person per role, for script/server. Their names say that they are no real people."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.management.base import BaseCommand

from accounts import services
from accounts.models import Organisation, User
from accounts.roles import Role

ORGANISATION = ("demo", "Demo")
ROLES = (Role.MODEL_OWNER, Role.PRIVACY_OFFICER, Role.RISK_OWNER, Role.AUDITOR, Role.ADMINISTRATOR)


class Command(BaseCommand):
    help = "Create the demo organisation and a demo person for each role; passwords of new people are printed once."

    def handle(self, *args: Any, **options: Any) -> None:
        slug, name = ORGANISATION
        organisation = Organisation.objects.filter(slug=slug).first() or services.create_organisation(name, slug=slug)
        new = [line for role in ROLES if (line := self.person(organisation, role))]
        if not new:
            self.stdout.write("The demo people exist already. New password: .venv/bin/python manage.py changepassword EMAIL")
            return
        self.stdout.write("Demo people, for this machine only. The passwords are shown once:")
        self.stdout.write("\n".join(new))

    def person(self, organisation: Organisation, role: Role) -> str:
        """The line to print about a new person; empty for one who was there."""
        email = f"{role.value.replace('_', '.')}@demo.example"
        if User.objects.filter(email=email).exists():
            return ""
        password = secrets.token_urlsafe(12)
        user = services.create_user(email, f"Demo {role.label.lower()}", password)
        services.add_member(organisation, user, role)
        return f"  {email:<32} {password}"
