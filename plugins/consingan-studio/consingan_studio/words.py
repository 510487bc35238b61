"""What the page says, in English and in Simplified Chinese."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "zh": "简体中文"})
"""The languages of the page, by the names that addresses have, and what they call themselves."""


class Words:
    """The page's texts in one language; English is what stands in the code."""

    def __init__(self, language: str) -> None:
        self.language = language
        file = Path(__file__).with_name(f"{language}.json")
        self._known: dict[str, str] = {}
        if file.exists():
            self._known = json.loads(file.read_text(encoding="utf-8"))

    def __call__(self, text: str, **values: object) -> str:
        """The text in this language, with values filled in. Unknown texts stay as they are."""
        said = self._known.get(text, text)
        return said.format(**values) if values else said


def preferred(accepted: str) -> str:
    """The language of an `Accept-Language` header that the page has; else English."""
    for part in accepted.split(","):
        language = part.split(";")[0].strip().lower()[:2]
        if language in LANGUAGES:
            return language
    return "en"
