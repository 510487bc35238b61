"""Folder names that are valid on every system."""

from __future__ import annotations

import hashlib
import re
import unicodedata

FORBIDDEN = frozenset('<>:"/\\|?*')
"""Characters that Windows allows in no name."""
DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE)
"""Names that are devices on Windows, with any suffix."""
MAX_BYTES = 120
"""The longest name. Some file systems allow 143 bytes, and clips and records add to it."""


def folder_name(name: str) -> str:
    """`name` turned into a folder name that is valid on every system.

    The same name in another Unicode normal form gives the same, and so does the result itself. One
    that is too long is cut, and ends in a checksum.
    """
    name = unicodedata.normalize("NFC", name)
    safe = "".join(c if c.isprintable() and c not in FORBIDDEN else "_" for c in name).strip(" .")
    if DEVICES.match(safe):
        safe = f"_{safe}"
    if len(safe.encode()) > MAX_BYTES:
        checksum = "-" + hashlib.sha256(safe.encode()).hexdigest()[:8]
        safe = safe.encode()[: MAX_BYTES - len(checksum)].decode(errors="ignore") + checksum
    return safe or "picture"
