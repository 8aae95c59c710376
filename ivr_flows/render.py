"""Render the prompts that have no audio yet: ``python -m ivr_flows.render [--again NAME …]``. Safe to run at every set-up.

Both languages are spoken by synthesisers (``synthesis.py``), brought to the telephone band and to one loudness (``shaping.py``).
A checkout carries all its audio, so normally there is nothing to do. Progress goes to standard output.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import wave
from array import array
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ivr_flows import music, shaping, speech, synthesis
from ivr_flows.speech import Prompt, PromptError
from ivr_flows.synthesis import Speak

EDGES = {"sentence": (0.10, 0.15), "piece": (0.02, 0.04)}
"""Seconds of silence before and after the sound of each kind of prompt."""

BETWEEN_LANGUAGES = 0.15
"""Seconds of silence where a prompt goes over to the other language."""

GENERATED: dict[str, Callable[[], list[float]]] = {
    "beep": shaping.beep,
    "tone-missing": shaping.missing,
    "wait-estimate-unknown": lambda: shaping.silence(0.2),
}
"""The tones and silences, which nobody speaks."""


def main(arguments: list[str] | None = None) -> int:
    """Render what is missing, and what ``--again`` names; 0 when every prompt has its audio."""
    parser = argparse.ArgumentParser(prog="python -m ivr_flows.render", description="render the prompts that have no audio yet")
    parser.add_argument("--again", nargs="+", default=[], metavar="NAME", help="render these even if they have audio (all: *)")
    wanted = parser.parse_args(arguments)
    try:
        render(set(wanted.again))
    except PromptError as error:
        print(f"prompts: {error}", file=sys.stderr)
        return 1
    return 0


def render(again: set[str]) -> None:
    """Write every missing audio file, and those named in ``again``; raises ``PromptError`` when nothing can speak."""
    prompts = [prompt for language in speech.LANGUAGES for prompt in speech.prompts(language)]
    if unknown := again - {"*"} - {prompt.name for prompt in prompts}:
        raise PromptError(f"there is no prompt named {', '.join(sorted(unknown))}")
    missing = [prompt for prompt in prompts if again & {prompt.name, "*"} or not prompt.audio().exists()]
    if not speech.MUSIC.exists():
        print("music on hold: composing", flush=True)
        write(speech.MUSIC, music.compose())
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="prompts-")))
        said = {language for prompt in missing for language, _ in prompt.parts()}
        voices = {language: held.enter_context(synthesis.voice(language, folder)) for language in sorted(said)}
        for number, prompt in enumerate(missing, start=1):
            print(f"prompts: {number}/{len(missing)} {prompt.language} {prompt.name} {prompt.text}", flush=True)
            make = GENERATED.get(prompt.name)
            write(prompt.audio(), make() if make else _spoken(prompt, voices, folder / "raw.wav"))
    print(f"prompts: all {len(prompts)} have audio ({len(missing)} rendered now)", flush=True)


def _spoken(prompt: Prompt, voices: dict[speech.Language, Speak], raw: Path) -> list[float]:
    """The samples of a prompt; where it changes its language, the parts follow each other at the same loudness."""
    lead, tail = EDGES[prompt.kind]
    parts = []
    for language, text in prompt.parts():
        voices[language](text, prompt.pace, raw)
        parts.append(shaping.shape(*read(raw), lead=lead, tail=tail, stray=language == "zh"))
    if len(parts) == 1:
        return parts[0]
    joint = shaping.silence(BETWEEN_LANGUAGES)
    return shaping.level([sample for part in parts for sample in (*part, *joint)][: -len(joint)])


def read(file: Path) -> tuple[list[float], int]:
    """Samples (full scale 1.0) and rate of a WAV file of one channel and 16 bits."""
    with wave.open(str(file), "rb") as audio:
        whole = array("h", audio.readframes(audio.getnframes()))
        return [sample / 32768 for sample in whole], audio.getframerate()


def write(file: Path, samples: list[float]) -> None:
    """An 8 kHz WAV file of one channel and 16 bits, in place only when it is whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".new")
    with wave.open(str(temporary), "wb") as audio:
        audio.setparams((1, 2, shaping.RATE, 0, "NONE", "not compressed"))
        audio.writeframes(array("h", (round(max(-1.0, min(1.0, s)) * 32767) for s in samples)).tobytes())
    temporary.replace(file)


if __name__ == "__main__":
    sys.exit(main())
