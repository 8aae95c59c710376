"""The channel event log: positions, rotation, half lines; and lines that are none."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import cel
from ami_bridge.channel_log import ChannelLog, Position

LOG = (Path(__file__).parent.parent / "traces" / "channel_log.csv").read_bytes()


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_reading_goes_on_where_it_stopped_and_leaves_half_a_line_for_later(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    log = ChannelLog(path)
    assert log.read(Position()) == ([], Position())
    add(path, b"one\ntwo\nth")
    lines, position = log.read(Position())
    assert lines == [b"one", b"two"]
    add(path, b"ree\n")
    lines, position = log.read(position)
    assert lines == [b"three"]
    assert log.read(position) == ([], position)
    assert log.end() == position


def test_rotated_files_are_followed_and_nothing_is_read_twice(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    log = ChannelLog(path)
    add(path, b"1\n2\n")
    _, position = log.read(Position())
    add(path, b"3\n")
    for line in (b"4\n5\n", b"6\n"):
        log.rotate(largest=1, keep=4)
        add(path, line)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["calls.csv", "calls.csv.1", "calls.csv.2"]
    lines, position = log.read(position)
    assert lines == [b"3", b"4", b"5", b"6"]
    assert log.read(position) == ([], position)


def test_a_log_that_is_moved_while_nothing_new_was_written_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    log = ChannelLog(path)
    add(path, b"1\n")
    _, position = log.read(Position())
    log.rotate(largest=1, keep=4)
    lines, position = log.read(position)
    assert lines == []
    add(path, b"2\n")
    assert log.read(position)[0] == [b"2"]


def test_a_truncated_or_replaced_log_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    log = ChannelLog(path)
    add(path, b"one\ntwo\n")
    _, position = log.read(Position())
    path.write_bytes(b"3\n")
    lines, position = log.read(position)
    assert lines == [b"3"]
    other = tmp_path / "other"
    other.write_bytes(b"4\n")
    other.replace(path)
    assert log.read(position)[0] == [b"4"]


def test_only_so_many_old_logs_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    log = ChannelLog(path)
    for number in range(8):
        add(path, f"{number}\n".encode())
        log.rotate(largest=1, keep=3)
    assert sorted(file.read_text() for file in tmp_path.iterdir()) == ["5\n", "6\n", "7\n"]
    log.rotate(largest=1, keep=3)


def test_every_line_of_a_real_log_is_understood() -> None:
    lines = [cel.parse(raw) for raw in LOG.splitlines()]
    assert len(lines) > 50
    assert None not in lines


@given(st.binary(max_size=200))
def test_rubbish_is_no_line_and_raises_nothing(raw: bytes) -> None:
    cel.parse(raw)


@given(st.data())
def test_a_line_cut_or_damaged_raises_nothing(data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(LOG.splitlines()))
    raw = raw[: data.draw(st.integers(0, len(raw)))] + data.draw(st.binary(max_size=10))
    line = cel.parse(raw)
    if line is not None:
        cel.evidence(line)
