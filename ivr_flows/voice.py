"""What Asterisk is told to play: the prompt, or what stands in for it when its file is missing or broken, never silence.

Two ``stat`` calls a prompt, no state of the files is kept: a recording that comes back is played again at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import structlog

from hotline import sounds
from ivr_flows.speech import LANGUAGES

TONE = "tone-missing"
"""What is played where a prompt is in no language."""

_HEADER = 44
_log = structlog.get_logger()


class Voice:
    """The sounds that are installed below ``folder`` (``var/asterisk/sounds``), one folder per language.

    One alarm is logged for a prompt that is missing, and another only after it was there again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = os.fspath(folder)
        self._missing: set[tuple[str, str]] = set()

    def resolve(self, name: str, language: str) -> str:
        """``name`` when it can be played in ``language``, else ``LANGUAGE/name`` of the other one, else ``tone-missing``.

        Asterisk looks for what it is told first in the folder of the channel's language and then without it, so that
        ``en/welcome`` is played on a Mandarin call as well.
        """
        if self._sounds(name, language):
            if self._missing:
                self._missing.discard((name, language))
            return name
        others = [other for other in LANGUAGES if other != language]
        instead = next((f"{other}/{name}" for other in others if self._sounds(name, other)), None) or self._tone(language, others)
        if (name, language) not in self._missing:
            self._missing.add((name, language))
            _log.critical("prompt_missing", prompt=name, language=language, played=instead, folder=self._folder)
        return instead

    def _tone(self, language: str, others: Iterable[str]) -> str:
        if self._sounds(TONE, language):
            return TONE
        return next((f"{other}/{TONE}" for other in others if self._sounds(TONE, other)), TONE)

    def _sounds(self, name: str, language: str) -> bool:
        """Both formats are there, and the one is as long as the other (``hotline.sounds`` writes them so); or its only one is."""
        place = f"{self._folder}/{language}/{name}"
        try:
            if name in sounds.BETWEEN:
                return os.stat(f"{place}.wav").st_size > _HEADER  # noqa: PTH116
            law = os.stat(f"{place}.alaw").st_size  # noqa: PTH116 (a Path costs more than the call)
            return law > 0 and os.stat(f"{place}.wav").st_size == _HEADER + 2 * law  # noqa: PTH116
        except (OSError, ValueError):
            return False
