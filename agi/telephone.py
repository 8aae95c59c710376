"""pyst2's ``AGI`` with its defects fenced in, for the one script that Asterisk starts itself.

What is fenced: it dies of a byte that is not UTF-8, of an empty reply (``int('')``) and of a ``HANGUP`` line; at the end of its
input it reads a multi-line 520 for ever; it quotes nothing; it writes everything, callers' numbers too, to standard error; a
hang-up is one of six exceptions. Here a call that has ended is ``CallerGone``, and everything else that fails ``CommandFailed``.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from asterisk.agi import AGI, AGIAppError, AGIException, AGIHangup, AGIUnknownError

from agi import codec
from agi.errors import CallerGone, CommandFailed


class _Lines:
    """Standard input as pyst2 wants it: text lines, none of them a surprise."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def readline(self) -> str:
        line = self._raw.readline(codec.HEADERS_LIMIT)
        if not line.endswith(b"\n") or line.strip() == b"HANGUP":
            raise CallerGone("Asterisk has ended the session")
        return line.decode("utf-8", "replace")


class _Commands:
    """Standard output as pyst2 wants it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def write(self, text: str) -> None:
        self._raw.write(text.encode("utf-8", "replace"))

    def flush(self) -> None:
        self._raw.flush()


class _Nowhere:
    """Standard error as we want it."""

    def write(self, text: str) -> None:
        """Forget it."""


class Telephone(AGI):  # type: ignore[misc]
    """The caller's channel. Every method raises ``CallerGone`` when the call has ended, else ``CommandFailed``."""

    def __init__(self, stdin: BinaryIO, stdout: BinaryIO) -> None:
        super().__init__(_Lines(stdin), _Commands(stdout), _Nowhere())

    def _quote(self, string: object) -> str:
        return codec.quoted(str(string))

    def execute(self, command: str, *args: object) -> dict[str, tuple[str, str]]:
        """Send one command whose arguments are quoted already; the answer as pyst2 gives it: key to (value, data)."""
        try:
            answer: dict[str, Any] = super().execute(command, *args)
        except AGIHangup as error:
            raise CallerGone(str(error)) from error
        except AGIAppError as error:
            raise CommandFailed(f"{command}: {error}") from error
        except AGIUnknownError as error:
            if error.args and error.args[0] == 511:
                raise CallerGone("a command on a channel that has ended") from error
            raise CommandFailed(f"{command}: {error}") from error
        except (AGIException, ValueError) as error:
            raise CommandFailed(f"{command}: {error}") from error
        return answer

    def caller_number(self) -> str:
        """The caller's number, empty when it is withheld."""
        number = str(self.env.get("agi_callerid", ""))
        return "" if number == "unknown" else number

    def uniqueid(self) -> str:
        """The channel's uniqueid."""
        return str(self.env.get("agi_uniqueid", ""))

    def say(self, prompt: str, keys: str = "") -> str:
        """Play a prompt, or a file (absolute, without its ending); the key of ``keys`` that cut it short, or empty."""
        return _key(self.execute("STREAM FILE", self._quote(prompt), self._quote(keys)))

    def ask(self, prompt: str, keys: str, timeout_ms: int) -> str:
        """Play a prompt and wait ``timeout_ms`` after its end; the key of ``keys`` that came, or empty."""
        return _key(self.execute("GET OPTION", self._quote(prompt), self._quote(keys), timeout_ms))

    def set(self, name: str, value: str) -> None:
        """Set a channel variable or function."""
        self.execute("SET VARIABLE", self._quote(name), self._quote(value))

    def get(self, name: str) -> str:
        """A channel variable or function; empty when it is not set."""
        return self.execute("GET VARIABLE", self._quote(name))["result"][1]

    def user_event(self, body: str) -> None:
        """Send a ``UserEvent`` on the manager interface."""
        self.execute("EXEC UserEvent", self._quote(body))

    def record(self, file: str, *, longest_ms: int, silence_s: int) -> tuple[int, str]:
        """Beep and record to ``file`` (absolute, without ``.wav``) until ``#``, silence or the longest time.

        Gives the samples written and what ended it: ``dtmf``, or ``timeout``, which is silence too; ``randomerror`` is a key
        pressed within the tone, before anything was recorded. A position below zero means that the file cannot be written.
        """
        answer = self.execute("RECORD FILE", self._quote(file), "wav", '"#"', longest_ms, 0, "BEEP", f"s={silence_s}")
        position = answer.get("endpos", ("0", ""))[0]
        if position.startswith("-"):
            raise CommandFailed(f"RECORD FILE: {file} cannot be written")
        return (int(position) if position.isdecimal() else 0), answer["result"][1]


def _key(answer: dict[str, tuple[str, str]]) -> str:
    code = answer["result"][0]
    return chr(int(code)) if code.isdecimal() and 0 < int(code) < 128 else ""
