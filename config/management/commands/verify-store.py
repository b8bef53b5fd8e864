"""`manage.py verify-store`: is every stored file there, with its hash, and does every file belong to a row? Exit 1 when not."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from rich.console import Console

from config.backup import referred_files
from governance.errors import StoreProblem
from governance.storage import verified
from governance.stores import STORES, store


class Command(BaseCommand):
    help = "Check every stored file against its hash, and name files that no row refers to."

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = list(referred_files())
        wrong = []
        with Console(stderr=True).status("reading") as shown, tempfile.TemporaryDirectory(dir=settings.WORK) as folder:
            for number, (member, stores, name) in enumerate(wanted, start=1):
                shown.update(f"{number:,} of {len(wanted):,} files")
                try:
                    verified(stores.local(name, Path(folder)), Path(name).stem, member.split("/")[0])
                except StoreProblem as problem:
                    wrong.append(f"{member}: {problem}")
        known = {member for member, _, _ in wanted}
        orphans = [f"{what}/{name}" for what in STORES for name in store(what).names() if f"{what}/{name}" not in known]
        for line in wrong:
            self.stdout.write(line)
        for member in orphans:
            self.stdout.write(f"{member}: no row refers to it; a run may be storing it just now.")
        self.stdout.write(
            f"{len(wanted):,} files: {len(wanted) - len(wrong):,} whole, {len(wrong):,} wrong. {len(orphans):,} that nobody refers to."
        )
        if wrong:
            sys.exit(1)
