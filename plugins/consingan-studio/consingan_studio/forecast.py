"""The forecast of a training, made by `consingan MODE plan` in a process of its own.

There its memory is what a training needs, and not what this server has used.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from typing import Any

from consingan import OptionError, command_line
from consingan_studio.html import duration
from consingan_studio.words import Words

PATIENCE = 120
"""Seconds after which a forecast is given up."""


def forecast(picture: str, mode: str, preset: str, options: dict[str, Any], words: Words) -> str:
    """Time and memory in one line. Raises OptionError with the command's own message."""
    command = command_line(mode, "plan", picture, preset=preset, json=True, **options)
    words_typed = [sys.executable, "-m", *shlex.split(command)]
    try:
        done = subprocess.run(words_typed, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return ""
    if done.returncode != 0:
        raise OptionError(done.stderr.strip().removeprefix("consingan: "))
    found = json.loads(done.stdout)
    memory = f"{found['memory_bytes'] / 1e9:.1f} GB"
    time = duration(found["seconds"])
    return words("about {time}, {memory} of memory", time=time, memory=memory)
