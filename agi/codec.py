"""The AGI protocol as values: bytes to messages, commands to bytes. Pure.

A peer first sends headers, one ``agi_name: value`` a line up to an empty line; after that, one reply per command, and
``HANGUP`` at any moment. ``Decoder.feed`` gives the same messages however the bytes are cut. Text is UTF-8; a byte that is not
becomes U+FFFD, since nothing that came from a caller is ever sent back in a command.
"""

from __future__ import annotations

import re

import msgspec

from agi.errors import AgiError, ArgumentRefused, HeaderMalformed, HeadersTooLong, LineTooLong, ReplyMalformed

HEADERS_LIMIT = 64 * 1024
LINE_LIMIT = 8 * 1024
COMMAND_LIMIT = 2047
"""Bytes of a command line that Asterisk reads at once (its ``AGI_BUF_LEN``, less the closing zero)."""


class Environment(msgspec.Struct, frozen=True):
    """Who is calling and what is wanted: the headers of one session; ``arguments`` are those of ``AGI(…)`` after the address."""

    script: str = ""
    uniqueid: str = ""
    channel: str = ""
    caller_number: str = ""
    caller_name: str = ""
    arguments: tuple[str, ...] = ()

    def argument(self, number: int) -> str:
        """The ``number``-th argument, from 1; empty when it was not given."""
        return self.arguments[number - 1] if number <= len(self.arguments) else ""


class Reply(msgspec.Struct, frozen=True):
    """The answer to a command. ``result`` is the text after ``result=``, ``data`` what stood in brackets, ``endpos`` in samples.

    ``text`` is the whole of an answer that has no result (510, 511, 520), several lines for a multi-line one.
    """

    code: int
    result: str = ""
    data: str = ""
    endpos: int | None = None
    text: str = ""


class Hungup(msgspec.Struct, frozen=True):
    """The caller has hung up; a command may still be under way."""


class Broken(msgspec.Struct, frozen=True):
    """The peer broke the protocol; nothing after it is read."""

    error: AgiError


Message = Environment | Reply | Hungup | Broken

_FIELDS = {
    b"agi_network_script": "script",
    b"agi_uniqueid": "uniqueid",
    b"agi_channel": "channel",
    b"agi_callerid": "caller_number",
    b"agi_calleridname": "caller_name",
}
_ARGUMENT = re.compile(rb"agi_arg_([1-9][0-9]{0,2})$")
_REPLY = re.compile(r"([1-9][0-9]{2})(?:([ -])(.*))?$", re.DOTALL)
_RESULT = re.compile(r"result=(\S*)(?: \((.*)\))?(?: endpos=([0-9]{1,18}))?$", re.DOTALL)
_UNFIT = re.compile(r"[\r\n\x00]")


class Decoder:
    """The bytes of one connection, in order, to messages. After a ``Broken`` it stays silent."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._looked = 0
        self._headers: list[bytes] | None = []
        self._usage: list[str] | None = None
        self._size = 0
        self._broken = False

    @property
    def idle(self) -> bool:
        """Whether no half message is held: a peer that ends here has ended cleanly."""
        return not self._buffer and not self._headers and self._usage is None

    def feed(self, data: bytes) -> list[Message]:
        """Take the next bytes, of any number; give the messages that they complete."""
        messages: list[Message] = []
        if self._broken:
            return messages
        self._buffer += data
        try:
            self._take_lines(messages)
        except AgiError as error:
            self._broken = True
            self._buffer.clear()
            messages.append(Broken(error))
        return messages

    def _take_lines(self, messages: list[Message]) -> None:
        buffer, begin, looked = self._buffer, 0, self._looked
        while (end := buffer.find(b"\n", max(begin, looked))) >= 0:
            line = bytes(buffer[begin:end])
            begin = end + 1
            message = self._line(line[:-1] if line.endswith(b"\r") else line, len(line) + 1)
            if message is not None:
                messages.append(message)
        del buffer[:begin]
        self._looked = len(buffer)
        self._check_rest()

    def _check_rest(self) -> None:
        """A line that has not ended yet may already be too long."""
        if self._headers is not None:
            if self._size + len(self._buffer) > HEADERS_LIMIT:
                raise HeadersTooLong(f"more than {HEADERS_LIMIT} bytes of headers")
        elif len(self._buffer) > LINE_LIMIT:
            raise LineTooLong(f"a reply line of more than {LINE_LIMIT} bytes")

    def _line(self, line: bytes, size: int) -> Message | None:
        if self._headers is not None:
            return self._header(self._headers, line, size)
        if size > LINE_LIMIT:
            raise LineTooLong(f"a reply line of more than {LINE_LIMIT} bytes")
        text = line.decode("utf-8", "replace")
        if self._usage is not None:
            return self._usage_line(self._usage, text, size)
        if text == "HANGUP":
            return Hungup()
        if not text:
            return None
        match = _REPLY.match(text)
        if not match:
            raise ReplyMalformed(f"not a reply: {text[:80]!r}")
        if match[2] == "-":
            self._usage, self._size = [text], size
            return None
        return _reply(int(match[1]), match[3] or "", text)

    def _header(self, headers: list[bytes], line: bytes, size: int) -> Message | None:
        self._size += size
        if self._size > HEADERS_LIMIT:
            raise HeadersTooLong(f"more than {HEADERS_LIMIT} bytes of headers")
        if line:
            headers.append(line)
            return None
        self._headers = None
        return _environment(headers)

    def _usage_line(self, usage: list[str], text: str, size: int) -> Message | None:
        usage.append(text)
        self._size += size
        if self._size > HEADERS_LIMIT:
            raise LineTooLong(f"more than {HEADERS_LIMIT} bytes of usage text")
        code = usage[0][:3]
        if not text.startswith(f"{code} "):
            return None
        self._usage = None
        return Reply(int(code), text="\n".join(usage))


def _reply(code: int, rest: str, text: str) -> Reply:
    match = _RESULT.match(rest)
    if not match:
        if code == 200:
            raise ReplyMalformed(f"a reply without a result: {text[:80]!r}")
        return Reply(code, text=text)
    return Reply(code, result=match[1], data=match[2] or "", endpos=int(match[3]) if match[3] else None)


def _environment(lines: list[bytes]) -> Environment:
    fields: dict[str, str] = {}
    arguments: dict[int, str] = {}
    seen: set[bytes] = set()
    for line in lines:
        name, colon, raw = line.partition(b":")
        if not colon or name in seen:
            raise HeaderMalformed(f"a header without a colon or given twice: {line[:80]!r}")
        seen.add(name)
        if name in _FIELDS:
            fields[_FIELDS[name]] = raw.strip().decode("utf-8", "replace")
        elif match := _ARGUMENT.match(name):
            arguments[int(match[1])] = raw.strip().decode("utf-8", "replace")
    ordered = tuple(arguments.get(n, "") for n in range(1, max(arguments, default=0) + 1))
    return Environment(**fields, arguments=ordered)


def command(verb: str, *arguments: str) -> bytes:
    """One command line; every argument is quoted. Raises ``ArgumentRefused`` (see there)."""
    line = " ".join((verb, *map(quoted, arguments)))
    try:
        encoded = line.encode("utf-8") + b"\n"
    except UnicodeEncodeError as error:
        raise ArgumentRefused(f"an argument of {verb} is not text") from error
    if len(encoded) > COMMAND_LIMIT:
        raise ArgumentRefused(f"a {verb} line of {len(encoded)} bytes: Asterisk reads {COMMAND_LIMIT}")
    return encoded


def quoted(argument: str) -> str:
    """An argument in quotes as AGI reads them; raises ``ArgumentRefused`` on a line break or a zero byte."""
    if _UNFIT.search(argument):
        raise ArgumentRefused(f"a line break or a zero byte in {argument[:80]!r}")
    return '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'


def get_data(prompt: str, timeout_ms: int, longest: int) -> bytes:
    """Play one ``prompt``, interrupted by any key, and take up to ``longest`` keys; ``#`` ends them.

    The result is the keys, with the data ``timeout`` when nothing ended them.
    """
    return command("GET DATA", prompt, str(timeout_ms), str(longest))


def get_full_variable(expression: str) -> bytes:
    """The value of an expression such as ``${READSTATUS}:${KEYS}``, in the data of the answer."""
    return command("GET FULL VARIABLE", expression)


def execute(application: str, argument: str) -> bytes:
    """Run a dialplan application; ``argument`` is its whole argument string, already fit for that application."""
    return command(f"EXEC {application}", argument)


def set_variable(name: str, value: str) -> bytes:
    """Set a channel variable, or a function such as ``CHANNEL(userfield)``."""
    return command("SET VARIABLE", name, value)
