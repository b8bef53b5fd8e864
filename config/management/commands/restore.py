"""`manage.py restore FILE`: a backup into an empty installation, whole or not at all."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from accounts.models import Organisation
from accounts.selectors import verify_chain
from config.backup import BackupProblem, restore


class Command(BaseCommand):
    help = "Restore a backup into an empty installation; everything, or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("backup", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        try:
            with Console(stderr=True).status("reading") as shown:
                counted = restore(options["backup"], lambda said: shown.update(said))
        except BackupProblem as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"Restored {counted.rows:,} rows and {counted.files:,} files.")
        for organisation in Organisation.objects.order_by("name"):
            intact = verify_chain(organisation).intact
            self.stdout.write(f"{organisation.name}: the audit trail is {'intact' if intact else 'BROKEN'}.")
