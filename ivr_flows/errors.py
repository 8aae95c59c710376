"""What can go wrong in a flow: one class per cause; the docstring is the operator's explanation."""

from __future__ import annotations

import msgspec

from hotline.errors import HotlineError


class Words(msgspec.Struct, frozen=True, order=True):
    """One sentence in both languages."""

    zh: str
    en: str


class Problem(msgspec.Struct, frozen=True, order=True):
    """Something wrong in a flow file: where, what, and how to mend it; ``line`` is 0 when no line is to blame.

    ``code`` is its name for programs (``problems.py`` lists them).
    """

    line: int
    code: str
    what: Words
    mend: Words

    def text(self, source: str) -> str:
        """Two lines for people: Chinese first, English second."""
        first = f"{source}:{self.line}: "
        return f"{first}{self.what.zh} → {self.mend.zh}\n{' ' * len(first)}{self.what.en} → {self.mend.en}"


class FlowError(HotlineError):
    """A flow names an entry or a node that does not exist, or runs in a circle without asking the caller anything.

    The call in question is served by the standby path; mend the flow.
    """


class FlowRefused(HotlineError):
    """A flow file does not pass the check; ``problems`` says where and why. The flow in use stays."""

    def __init__(self, source: str, problems: list[Problem]) -> None:
        super().__init__("\n".join(problem.text(source) for problem in problems))
        self.source, self.problems = source, problems


class Unspeakable(HotlineError):
    """A value cannot be spoken as asked, such as a date that is none; the flow goes on by the node's exit ``error``."""
