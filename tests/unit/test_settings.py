"""Settings: what is refused, and that the refusal names the file and the key."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import paths, settings
from hotline.errors import SettingsError
from hotline.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my hotline.toml"


REFUSED = {
    "unknown key": ("[agi]\nprot = 1", "agi.prot"),
    "unknown table": ("[agl]\nport = 1", "agl"),
    "unknown key at the top": ("port = 1", "port"),
    "text for a number": ("[agi]\nport = '4573'", "agi.port"),
    "fraction for a number": ("[agi]\nport = 4573.5", "agi.port"),
    "truth for a number": ("[agi]\nport = true", "agi.port"),
    "number for a text": ("[asterisk]\nnode = 1", "asterisk.node"),
    "number for a table": ("agi = 1", "agi"),
    "list of tables": ("[[agi]]\nport = 1", "agi"),
    "port 0": ("[web]\nport = 0", "web.port"),
    "port 65536": ("[asterisk]\nsip_port = 65536", "asterisk.sip_port"),
    "no seconds": ("[queue]\nwait_seconds = 0", "queue.wait_seconds"),
    "newline": ('[asterisk]\nnode = "a\\nb"', "asterisk.node"),
    "semicolon": ("[trunks]\ncitizen_address = '127.0.0.2;x'", "trunks.citizen_address"),
    "bracket": ("[queue]\nname = 'a]'", "queue.name"),
    "opening bracket in a list": ("[hours]\nmonday = [['[', '10:00']]", "hours.monday[0][0]"),
    "control character": ('[queue]\nname = "a\\u007f"', "queue.name"),
    "empty name": ("[queue]\nname = ''", "queue.name"),
    "name with a space": ("[asterisk]\nnode = 'node 1'", "asterisk.node"),
    "host name for an address": ("[web]\nhost = 'localhost'", "web.host"),
    "letters in a number": ("[trunks]\nhotline_number = '12345a'", "trunks.hotline_number"),
    "last agent below the first": ("[agents]\nfirst = 1010\nlast = 1009", "agents.last"),
    "agent of two digits": ("[agents]\nfirst = 10", "agents.first"),
    "empty range of RTP ports": ("[asterisk]\nrtp_first = 20000\nrtp_last = 20000", "asterisk.rtp_last"),
    "trunk at our own address": ("[trunks]\ncitizen_address = '127.0.0.1'", "trunks.citizen_address"),
    "trunk at our own address, written otherwise": (
        "[trunks]\ncitizen_address = '0:0:0:0:0:0:0:1'\n[asterisk]\nsip_address = '::1'",
        "trunks.citizen_address",
    ),
    "no time of day": ("[hours]\nmonday = [['8:00', '12:00']]", "hours.monday[0][0]"),
    "hour 25": ("[hours]\nsunday = [['08:00', '25:00']]", "hours.sunday[0][1]"),
    "one time only": ("[hours]\nsunday = [['08:00']]", "hours.sunday[0]"),
    "end before begin": ("[hours]\nfriday = [['08:00', '12:00'], ['22:00', '06:00']]", "hours.friday[1]"),
    "end at begin": ("[hours]\nfriday = [['08:00', '08:00']]", "hours.friday[0]"),
    "no date": ("[hours]\nclosed_dates = ['2025-02-30']", "hours.closed_dates[0]"),
    "another word for holidays": ("[hours]\npublic_holidays = 'open'", "hours.public_holidays"),
    "a date in two lists": (
        "[calendar]\nholidays = [2027-10-01]\nordinary_days = ['2027-10-01']",
        "calendar.ordinary_days: 2027-10-01 stands in calendar.holidays too",
    ),
    "a holiday with a time": ("[calendar]\nholidays = [2027-10-01T08:00:00]", "calendar.holidays"),
    "a night with one end": ("[calendar]\nnight = ['22:00']", "calendar.night"),
    "a night with three": ("[calendar]\nnight = ['22:00', '23:00', '06:00']", "calendar.night"),
    "a night of no length": ("[calendar]\nnight = ['22:00', '22:00']", "calendar.night"),
    "a queue with a dot": ("[queues.'a.b']", "queues"),
    "a queue twice": ("[queues.hotline]", "queues.hotline"),
    "a sub-centre called as flows call everybody's queue": ("[queues.main]", "queues.main: no queue may be called 'main'"),
    "everybody's queue called as flows call another": (
        "[queue]\nname = 'english'\nenglish_name = 'en'",
        "queue: no queue may be called 'english', by which flows mean 'en'",
    ),
    "a queue called as a section of queues.conf": ("[queues.general]", "queues.general: no queue may be called 'general'"),
    "everybody's queue called as a template": ("[queue]\nname = 'Personal'", "queue: no queue may be called 'Personal'"),
    "two queues that are one to Asterisk": ("[queues.North]\n[queues.north]", "queues.north: is the name of 'North'"),
    "a queue that is everybody's to Asterisk": ("[queues.Hotline]", "queues.Hotline: is the name of 'hotline'"),
    "English queue that is everybody's to Asterisk": ("[queue]\nenglish_name = 'HOTLINE'", "queue: is the name of 'hotline'"),
    "silence before a ping": ("[ami]\nping_seconds = 5\nsilence_seconds = 5", "ami.silence_seconds"),
    "overflow into nothing": ("[queues.north]\noverflow_to = 'south'", "queues.north.overflow_to"),
    "overflow in a circle": (
        "[queues.north]\noverflow_to = 'south'\n[queues.south]\noverflow_to = 'hotline'\n[queue]\noverflow_to = 'north'",
        "queue.overflow_to: leads in a circle: hotline, north, south, hotline",
    ),
    "overflow to itself": ("[queue]\noverflow_to = 'hotline'", "queue.overflow_to"),
    "overflow without where to": ("[queues.north]\noverflow_waiting = 3", "queues.north.overflow_to"),
    "overflow after the end": ("[queue]\noverflow_to = 'english'\noverflow_seconds = 600", "queue.overflow_seconds"),
    "hours of a sub-centre": ("[queues.north.hours]\nmonday = [['12:00', '08:00']]", "queues.north.hours.monday[0]"),
    "level 6": ("[queues.north]\nleast_level = 6", "queues[...].least_level"),
    "no DSN": ("[database]\ndsn = 'host=x'", "database.dsn"),
}


@pytest.mark.parametrize(("text", "key"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_value_is_refused_with_file_and_key(file: Path, text: str, key: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        settings.load(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert key in str(refused.value).removeprefix(str(file))


@pytest.mark.parametrize(
    "content",
    [b"[agi\nport = 1", b"[agi]\nport = 1\nport = 2", b"[queue]\nname = '\xff'", b"\xff\xfe[\x00", b"a = " + b"[" * 9000],
    ids=["bad TOML", "doubled key", "not UTF-8", "UTF-16", "deep"],
)
def test_a_file_that_is_no_toml_is_refused_by_name(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"my hotline\.toml: cannot be read"):
        settings.load(file)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.load(tmp_path)


def test_the_file_that_hotline_config_names_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("[web]\nport = 8081", encoding="utf-8")
    monkeypatch.setenv("HOTLINE_CONFIG", str(file))
    assert settings.load().web.port == 8081


def test_a_missing_file_is_refused_only_when_it_was_named(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_CONFIG", str(file))
    with pytest.raises(SettingsError, match="there is no such settings file"):
        settings.load()
    monkeypatch.delenv("HOTLINE_CONFIG")
    with pytest.raises(SettingsError, match="there is no such settings file"):
        settings.load(file)
    monkeypatch.setattr(paths, "TREE", tmp_path)
    assert settings.load() == Settings()


def test_a_queue_is_found_by_the_word_of_flows_or_by_its_name() -> None:
    """IVR-27; one that there is not is everybody's."""
    chosen = settings.parse({"queue": {"name": "all", "english_name": "en"}, "queues": {"north": {}}}, source="x")
    words = ("main", "english", "all", "en", "north", "south", "")
    assert [chosen.queue_of(word) for word in words] == ["all", "en", "all", "en", "north", "all", "all"]


def test_a_secret_in_a_refused_dsn_is_not_shown(file: Path) -> None:
    file.write_text("[database]\ndsn = 'mysql://u:geheim@h/d'", encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        settings.load(file)
    assert "geheim" not in str(refused.value)


def test_a_dsn_may_hold_any_character(file: Path) -> None:
    file.write_text("[database]\ndsn = 'postgresql://u:a;b[c]@h/d'", encoding="utf-8")
    assert settings.load(file).database.dsn == "postgresql://u:a;b[c]@h/d"


def test_dates_are_read_with_and_without_quotes(file: Path) -> None:
    file.write_text("[hours]\nclosed_dates = ['2025-10-01', 2025-10-02]", encoding="utf-8")
    assert settings.load(file).hours.closed_dates == [dt.date(2025, 10, 1), dt.date(2025, 10, 2)]


def test_the_defaults_are_the_development_profile_and_pass_their_own_checks() -> None:
    chosen = settings.parse({}, source="defaults")
    assert chosen == Settings()
    assert (chosen.asterisk.sip_port, chosen.asterisk.http_port, chosen.agi.port, chosen.ami.port) == (5060, 8088, 4573, 5038)
    assert (chosen.web.port, chosen.trunks.hotline_number) == (8080, "12345")
    assert (chosen.agents.numbers()[0], chosen.agents.numbers()[-1], len(chosen.agents.numbers())) == ("1001", "1060", 60)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_TABLES = st.sampled_from(
    ["asterisk", "trunks", "agents", "queue", "queues", "routing", "hours", "calendar", "agi", "ami", "database", "web", "x"]
)


@given(
    st.dictionaries(
        _TABLES,
        st.dictionaries(st.sampled_from(["port", "node", "name", "monday", "first", "night", "holidays"]), _VALUES) | _VALUES,
    )
)
def test_any_data_gives_settings_or_a_refusal_and_nothing_else(data: dict[str, object]) -> None:
    try:
        chosen = settings.parse(data, source="x")
    except SettingsError as refused:
        assert str(refused).startswith("x: ")
    else:
        assert isinstance(chosen, Settings)


@given(st.text(max_size=20), st.sampled_from(["\n", "\r", ";", "[", "]", "\x00", "\x1b"]), st.text(max_size=20))
def test_no_text_that_could_end_a_line_of_an_asterisk_file_passes(before: str, bad: str, after: str) -> None:
    for table, key in (("asterisk", "node"), ("queue", "name"), ("trunks", "hotline_number"), ("trunks", "citizen_address")):
        with pytest.raises(SettingsError, match=f"{table}.{key}"):
            settings.parse({table: {key: before + bad + after}}, source="x")
