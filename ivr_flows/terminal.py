"""A call in the terminal: what the caller would hear is printed, and what is typed is pressed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from hotline import messages
from ivr_flows import world
from ivr_flows.cases import Call, Case, MomentOf, shown
from ivr_flows.errors import FlowError
from ivr_flows.flow import DIAL_RESULTS, QUEUE_RESULTS, Flow
from ivr_flows.lookups import EXITS
from ivr_flows.speech import LANGUAGES
from ivr_flows.turns import Ask, Give, Instruction, Keep, Look, Play, Speak

Type = Callable[[str], str]
"""Shows a question and gives the line typed; raises ``EOFError`` at the end of the input."""

RESULTS: Mapping[str, tuple[str, ...]] = {
    "agents": (*QUEUE_RESULTS, "KEY1", "KEY2"),
    "message": ("saved", "empty", "failed"),
    "transfer": tuple(DIAL_RESULTS),
    "fax": ("sent", "failed"),
}
"""How the dialplan may give a call back, the usual one first."""


class Terminal:
    """One call, its texts and its answers given ahead (``keys``, and ``looks`` by the name of the look-up)."""

    def __init__(self, flow: Flow, case: Case, moment_of: MomentOf, keys: Sequence[str], looks: Mapping[str, str]) -> None:
        self._call = Call(flow, case, moment_of)
        self._texts = {language: world.texts_of(language) for language in LANGUAGES}
        self._language = case.language or flow.languages[0]
        self._keys, self._looks = list(keys), looks
        self.lines: list[str] = []
        """What was answered, as a case has it."""

    def talk(self, type_line: Type) -> None:
        """To the end of the call; the end of the input is a hang-up. A line that is no answer is asked for again."""
        self._show(self._call.start())
        while self._call.asked is not None:
            line = self._answer(self._call.asked, type_line)
            try:
                told = self._call.answer(line)
            except FlowError as error:
                if self._keys or not sys.stdin.isatty():
                    raise
                print(f"  ! {error}")
                continue
            self.lines.append(line)
            self._show(told)

    def _answer(self, asked: Instruction, type_line: Type) -> str:
        if isinstance(asked, Look) and asked.what in self._looks:
            line = self._looks[asked.what]
        elif self._keys:
            line = self._keys.pop(0)
        else:
            try:
                return self._usual(asked, type_line(f"{self._question(asked)} > ").strip())
            except EOFError:
                return "hangup"
        print(f"{self._question(asked)} > {line}")
        return line

    def _usual(self, asked: Instruction, line: str) -> str:
        """An empty line is the usual answer where one is needed."""
        if line or isinstance(asked, Ask):
            return line
        return next(iter(self._choices(asked)), line)

    def _choices(self, asked: Instruction) -> Iterator[str]:
        match asked:
            case Look():
                yield from (*EXITS.get(asked.what, ()), "timeout", "error")
            case Keep():
                yield from ("kept", "lost")
            case Give():
                yield from RESULTS.get(asked.context, ())
            case _:
                pass

    def _question(self, asked: Instruction) -> str:
        if isinstance(asked, Ask):
            return messages.text("flow.press")
        return f"{messages.text('flow.choose')} [{' | '.join(self._choices(asked))}]"

    def _show(self, told: Sequence[Instruction]) -> None:
        for step in told:
            match step:
                case Play() | Ask():
                    print(f"  ♪ {self._spoken(step.prompts)}")
                case Speak():
                    self._language = step.language
                    print(f"    {shown(step)}")
                case _:
                    print(f"    {shown(step)}")

    def _spoken(self, prompts: Sequence[str]) -> str:
        """The texts of prompts, one after another; a prompt without a text is named."""
        texts, between = (self._texts["en"], " ") if self._language == "en" else (self._texts["zh"], "")
        return between.join(texts.get(name) or f"[{name}]" for name in prompts)
