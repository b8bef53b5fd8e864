"""The product's settings for the processes of an engine under test: everything as installed, but for a target that takes its time."""

import os

from config.settings import *  # noqa: F403

if _program := os.environ.get("ENGINE_ATTACK_CHILD"):
    CHILD_PROGRAMS = {**CHILD_PROGRAMS, "attack": _program}  # noqa: F405
