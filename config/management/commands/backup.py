"""`manage.py backup --out FILE.tar.gz`: the whole installation in one file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from config.backup import BackupProblem, back_up
from governance.errors import StoreProblem


class Command(BaseCommand):
    help = (
        "Write every row and every stored file into one archive. It holds personal data and is not encrypted: keep it as you keep the data."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, required=True, help="FILE.tar.gz, or FILE.tar which is faster")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with Console(stderr=True).status("reading") as shown:
                counted = back_up(options["out"], lambda said: shown.update(said))
        except (BackupProblem, StoreProblem) as problem:
            raise CommandError(str(problem)) from None
        self.stdout.write(f"{options['out']}: {counted.rows:,} rows, {counted.files:,} files, {counted.bytes:,} bytes of files.")
        self.stdout.write("It holds personal data and is not encrypted.")
