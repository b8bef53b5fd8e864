"""A bad set-up is a system check with a hint, shown by every manage.py command."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from assessments.isolation import gpu_devices

SHORTEST_TOKEN = 24
LITTLE_SPACE = 1_000_000_000  # bytes


@register(Tags.security)
def home_is_private(**_: Any) -> Sequence[CheckMessage]:
    """The home holds records about people: nobody else on the machine may read it."""
    home = Path(settings.INVERSIGHT_HOME)
    if not home.is_dir():
        return [Error(f"The home folder {home} is missing.", hint="Set INVERSIGHT_HOME to a folder you may write.", id="inversight.E001")]
    if home.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return [Warning(f"Other users of this machine can open {home}.", hint=f"Run: chmod 700 {home}", id="inversight.W001")]
    return []


@register()
def home_has_room(**_: Any) -> Sequence[CheckMessage]:
    home = Path(settings.INVERSIGHT_HOME)
    if home.is_dir() and (free := shutil.disk_usage(home).free) < LITTLE_SPACE:
        return [Warning(f"Only {free // 1_000_000:,} MB are free in {home}.", hint="Make room, or move it.", id="inversight.W002")]
    return []


@register(Tags.security)
def models_have_walls(**_: Any) -> Sequence[CheckMessage]:
    """Only whether bubblewrap is there; workers try it out when they start."""
    if shutil.which("bwrap"):
        return []
    hint = "Install it (Debian, Ubuntu: apt install bubblewrap libseccomp2). manage.py assess runs your own models without it."
    return [Warning("Without bubblewrap, workers open no submitted model.", hint=hint, id="inversight.W003")]


@register()
def wanted_gpu_is_there(**_: Any) -> Sequence[CheckMessage]:
    """INVERSIGHT_GPU opens a door to the driver; without a card or a torch that can use it, for nothing."""
    if not settings.GPU:
        return []
    if not gpu_devices():
        hint = "Install its driver and run nvidia-modprobe -u, or unset INVERSIGHT_GPU; without one, networks are trained on the processor."
        said = "INVERSIGHT_GPU is set, and /dev lacks an NVIDIA card, nvidiactl or nvidia-uvm."
        return [Warning(said, hint=hint, id="inversight.W005")]
    if version("torch").endswith("+cpu"):
        hint = "Remove torch from .venv and run script/setup again where the GPU is, or unset INVERSIGHT_GPU."
        return [Warning("INVERSIGHT_GPU is set, and torch was built without CUDA.", hint=hint, id="inversight.W006")]
    return []


@register(Tags.security)
def metrics_token_is_long(**_: Any) -> Sequence[CheckMessage]:
    if 0 < len(settings.METRICS_TOKEN) < SHORTEST_TOKEN:
        said = f"INVERSIGHT_METRICS_TOKEN has {len(settings.METRICS_TOKEN)} characters."
        return [Warning(said, hint=f"Use at least {SHORTEST_TOKEN}, at random: openssl rand -hex 32", id="inversight.W004")]
    return []


@register(Tags.security, deploy=True)
def debug_is_off(**_: Any) -> Sequence[CheckMessage]:
    if settings.DEBUG:
        return [Error("DEBUG is on, so error pages show settings and code.", hint="Unset DEBUG.", id="inversight.E002")]
    return []
