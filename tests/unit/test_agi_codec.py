"""AGI bytes to messages, however they are cut, and commands to bytes that Asterisk takes apart as they were meant."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agi import codec
from agi.codec import Broken, Decoder, Environment, Hungup, Message, Reply
from agi.errors import AgiError, ArgumentRefused, HeaderMalformed, HeadersTooLong, LineTooLong, ReplyMalformed

HEADERS = (
    "agi_network: yes\nagi_network_script: inbound\nagi_request: agi://127.0.0.1:4573/inbound\n"
    "agi_channel: PJSIP/citizens-00000001\nagi_uniqueid: node1-1700000000.1\nagi_callerid: 13800000000\n"
    'agi_calleridname: 李 雷: "x"\nagi_arg_1: 1\nagi_arg_2: \n\n'
).encode()
ENVIRONMENT = Environment(
    script="inbound",
    uniqueid="node1-1700000000.1",
    channel="PJSIP/citizens-00000001",
    caller_number="13800000000",
    caller_name='李 雷: "x"',
    arguments=("1", ""),
)
USAGE = b"520-Invalid command syntax.  Proper usage follows:\nUsage: ANSWER\n\n\tAnswers channel\n520 End of proper usage.\n"
USAGE_TEXT = "520-Invalid command syntax.  Proper usage follows:\nUsage: ANSWER\n\n\tAnswers channel\n520 End of proper usage."


def after_headers(data: bytes) -> list[Message]:
    """The messages of ``data`` on a connection whose headers are read."""
    decoder = Decoder()
    assert decoder.feed(b"\n") == [Environment()]
    return decoder.feed(data)


def broken(messages: list[Message]) -> type[AgiError]:
    """The class of the error that the messages end with."""
    assert isinstance(messages[-1], Broken)
    return type(messages[-1].error)


def comparable(messages: list[Message]) -> list[object]:
    return [(type(m.error), str(m.error)) if isinstance(m, Broken) else m for m in messages]


def test_the_headers_say_who_calls_and_what_is_wanted() -> None:
    assert Decoder().feed(HEADERS) == [ENVIRONMENT]


def test_headers_may_end_their_lines_with_carriage_returns() -> None:
    assert Decoder().feed(HEADERS.replace(b"\n", b"\r\n")) == [ENVIRONMENT]


def test_an_argument_that_was_not_given_is_empty() -> None:
    assert ENVIRONMENT.argument(3) == ""


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"200 result=0\n", Reply(200, "0")),
        (b"200 result=1\r\n", Reply(200, "1")),
        (b"200 result=-1 endpos=123\n", Reply(200, "-1", endpos=123)),
        (b"200 result=49 endpos=5600\n", Reply(200, "49", endpos=5600)),
        (b"200 result=-1 (hangup) endpos=37374\n", Reply(200, "-1", "hangup", 37374)),
        (b"200 result=1 (a (b) endpos=x)\n", Reply(200, "1", "a (b) endpos=x")),
        (b"200 result=1 ()\n", Reply(200, "1")),
        (b"200 result=\n", Reply(200, "")),
        ("200 result=1 (中文😀)\n".encode(), Reply(200, "1", "中文😀")),
        (b"200 result=1 (\xff\xfe)\n", Reply(200, "1", "\ufffd\ufffd")),
        (b"100 result=0 Trying...\n", Reply(100, text="100 result=0 Trying...")),
        (b"510 Invalid or unknown command\n", Reply(510, text="510 Invalid or unknown command")),
        (b"511 Command Not Permitted on a dead channel\n", Reply(511, text="511 Command Not Permitted on a dead channel")),
        (b"520 Invalid command syntax.\n", Reply(520, text="520 Invalid command syntax.")),
        (USAGE, Reply(520, text=USAGE_TEXT)),
    ],
)
def test_a_reply_is_read(line: bytes, reply: Reply) -> None:
    assert after_headers(line) == [reply]


def test_a_hang_up_may_come_before_between_and_after_replies() -> None:
    stream = b"HANGUP\n200 result=0\nHANGUP\n511 dead\nHANGUP\n"
    assert after_headers(stream) == [Hungup(), Reply(200, "0"), Hungup(), Reply(511, text="511 dead"), Hungup()]


def test_an_empty_line_between_replies_is_nothing() -> None:
    assert after_headers(b"\n\r\n200 result=0\n") == [Reply(200, "0")]


@pytest.mark.parametrize(
    "line", [b"200\n", b"200 fine\n", b"hello\n", b"20 result=1\n", b"GET / HTTP/1.1\n", b"\x00\n", b"200result=1\n"]
)
def test_what_is_not_a_reply_breaks_the_connection_once(line: bytes) -> None:
    decoder = Decoder()
    decoder.feed(b"\n")
    assert broken(decoder.feed(line + b"200 result=1\n")) is ReplyMalformed
    assert decoder.feed(b"200 result=1\n") == []


def test_headers_without_an_end_are_given_up_at_64_kib() -> None:
    line = b"agi_x: " + b"x" * 1000 + b"\n"
    lines = [line.replace(b"x:", b"%d:" % number) for number in range(70)]
    assert broken(Decoder().feed(b"".join(lines))) is HeadersTooLong
    assert broken(Decoder().feed(b"x" * (codec.HEADERS_LIMIT + 1))) is HeadersTooLong


def test_headers_of_just_64_kib_are_read() -> None:
    begin = b"agi_network_script: inbound\nagi_x: "
    assert Decoder().feed(begin + b"x" * (codec.HEADERS_LIMIT - len(begin) - 2) + b"\n\n") == [Environment(script="inbound")]


def test_a_reply_line_of_more_than_8_kib_is_given_up_before_it_ends() -> None:
    assert broken(after_headers(b"200 result=1 (" + b"x" * codec.LINE_LIMIT)) is LineTooLong


def test_a_reply_line_of_just_8_kib_is_read() -> None:
    assert after_headers(b"200 result=" + b"1" * (codec.LINE_LIMIT - 12) + b"\n") == [Reply(200, "1" * (codec.LINE_LIMIT - 12))]


def test_a_usage_text_without_an_end_is_given_up() -> None:
    assert broken(after_headers(b"520-Usage\n" + b"more\n" * 20000)) is LineTooLong


@pytest.mark.parametrize(
    "header", [b"agi_calleridname: a\nb\n", b"agi_arg_1: 1\nagi_arg_1: 2\n", b"\xff\xff\n", b"GET / HTTP/1.1\r\n"]
)
def test_headers_that_a_line_break_in_a_name_could_have_made_are_refused(header: bytes) -> None:
    assert broken(Decoder().feed(header + b"\n")) is HeaderMalformed


PIECES = st.sampled_from(
    [
        *(b"200 result=0\n", b"200 result=49 endpos=5\r\n", b"HANGUP\n", b"511 dead\n", USAGE, b"\n", b"200 result=1 (\xe4\xb8"),
        *(b"\xad)\n", b"520-x\n", b"nonsense\n", b"200 result=1 (" + b"y" * 8180 + b")\n", b"z" * 5000, b"\r\n", b"520 "),
    ]
)


@given(
    stream=st.tuples(st.just(HEADERS), st.lists(PIECES, max_size=12).map(b"".join)).map(b"".join) | st.binary(max_size=200),
    cuts=st.lists(st.integers(0, 40000), max_size=12),
)
@example(stream=HEADERS + b"200 result=1 (" + b"x" * 9000, cuts=[len(HEADERS) + 8192, len(HEADERS) + 8193])
def test_the_messages_are_the_same_however_the_bytes_are_cut(stream: bytes, cuts: list[int]) -> None:
    whole = Decoder().feed(stream)
    decoder, cut_up, begin = Decoder(), list[Message](), 0
    for end in [*sorted(c for c in cuts if c < len(stream)), len(stream)]:
        cut_up += decoder.feed(stream[begin:end])
        begin = end
    assert comparable(cut_up) == comparable(whole)


def test_the_messages_are_the_same_byte_by_byte() -> None:
    decoder = Decoder()
    stream = HEADERS + USAGE + b"HANGUP\n200 result=0\n"
    messages = [m for byte in stream for m in decoder.feed(bytes([byte]))]
    assert messages == [ENVIRONMENT, Reply(520, text=USAGE_TEXT), Hungup(), Reply(200, "0")]


def as_asterisk_reads(line: bytes) -> list[str]:
    """Words of a command line, by the rules of Asterisk's ``parse_args``: blanks part, quotes hold together, ``\\`` escapes."""
    words: list[str] = []
    quoted = escaped = False
    apart = True
    for character in line.decode().removesuffix("\n"):
        if character == '"' and not escaped:
            quoted = not quoted
            if quoted and apart:
                words.append("")
                apart = False
        elif character in " \t" and not quoted and not escaped:
            apart = True
        elif character == "\\" and not escaped:
            escaped = True
            continue
        else:
            if apart:
                words.append("")
                apart = False
            words[-1] += character
        escaped = False
    return words


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\x00", exclude_categories=["Cs"]), max_size=40), max_size=5))
@example(['a"b', "\\", "", '"', "${SHELL(reboot)}", " a  b\t", "😀"])
def test_asterisk_reads_every_argument_as_it_was_meant(arguments: list[str]) -> None:
    line = codec.command("SAY IT", *arguments)
    assert line.count(b"\n") == 1
    assert as_asterisk_reads(line) == ["SAY", "IT", *arguments]


@pytest.mark.parametrize("argument", ["a\nb", "a\rb", "a\x00b", "\ud800", "x" * 2048])
def test_an_argument_that_would_end_or_overflow_the_line_is_refused(argument: str) -> None:
    with pytest.raises(ArgumentRefused):
        codec.command("SET VARIABLE", "NAME", argument)


def test_the_commands_are_those_of_asterisk() -> None:
    assert codec.get_data("menu", 5000, 2) == b'GET DATA "menu" "5000" "2"\n'
    assert codec.get_full_variable("${A}:${B}") == b'GET FULL VARIABLE "${A}:${B}"\n'
    assert codec.execute("UserEvent", "A,B: c") == b'EXEC UserEvent "A,B: c"\n'
    assert codec.set_variable("A(b)", 'say "x"') == b'SET VARIABLE "A(b)" "say \\"x\\""\n'
