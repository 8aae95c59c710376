"""The directory on a real PostgreSQL, through the command line: imported, exported, imported again, announced, and told."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import asyncpg
import msgspec
import pytest

from agi import lookup
from hotline import __main__ as command_line
from hotline import credentials, log, messages, paths, query_codes
from hotline.directory import kinds
from hotline.roles import OF_UNITS, ROLES
from hotline.settings import Calendar
from ivr_flows.lookups import Answer

if TYPE_CHECKING:
    from tests.conftest import Postgres

COMMAND = ".venv/bin/python -m hotline "
SAMPLES = paths.TREE / "ivr_flows" / "samples"


class Office:
    """Somebody at the command line of one installation."""

    def __init__(self, server: Postgres, capsys: pytest.CaptureFixture[str]) -> None:
        self.server = server
        self._capsys = capsys

    def types(self, *arguments: str | Path) -> tuple[int, str]:
        """Run ``hotline …``; returns the status and everything that was printed."""
        self._capsys.readouterr()
        status = command_line.main([str(argument) for argument in arguments])
        printed = self._capsys.readouterr()
        return status, printed.out + printed.err

    def has_what_is_named_by(self, kind: str) -> None:
        """Import what entries of this kind name."""
        if kind == "unit-staff":
            self.imports("units", SAMPLES / "units.toml")

    def imports(self, kind: str, file: Path) -> str:
        status, said = self.types("directory", "import", kind, file)
        assert status == 0, said
        return said.splitlines()[-1]

    def value(self, query: str) -> object:
        async def ask() -> object:
            connection = await asyncpg.connect(self.server.owner)
            value: object = await connection.fetchval(query)
            await connection.close()
            return value

        return asyncio.run(ask())

    def asks(self, what: str, caller: str = "", **arguments: str) -> Answer:
        async def run() -> Answer:
            async with lookup.opened(self.server.dsn, Calendar()) as lookups:
                return await lookups.ask(what, arguments, caller, "call-1")

        return asyncio.run(run())


@pytest.fixture
def office(
    empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Office:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    monkeypatch.setattr(log, "configure", lambda _: None)  # standard error of this test is gone when the next one logs
    credentials.path().parent.mkdir()
    credentials.path().touch(mode=0o600)
    credentials.path().write_bytes(msgspec.json.encode(empty_database.credentials))
    return Office(empty_database, capsys)


def imported(added: int, changed: int, removed: int) -> str:
    return messages.text("directory.imported", added=added, changed=changed, removed=removed)


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_file_imported_twice_and_its_export_imported_change_nothing(office: Office, tmp_path: Path, kind: str) -> None:
    office.has_what_is_named_by(kind)
    count = (SAMPLES / f"{kind}.toml").read_text(encoding="utf-8").count("\n[[")
    assert office.imports(kind, SAMPLES / f"{kind}.toml") == imported(count, 0, 0)
    assert office.imports(kind, SAMPLES / f"{kind}.toml") == imported(0, 0, 0)
    status, said = office.types("directory", "export", kind, tmp_path / "export.toml")
    assert (status, said.strip()) == (0, messages.text("directory.exported", count=count, file=tmp_path / "export.toml"))
    assert (tmp_path / "export.toml").stat().st_mode & 0o777 == 0o600
    assert office.imports(kind, tmp_path / "export.toml") == imported(0, 0, 0)
    assert office.types("directory", "export", kind) == (0, (tmp_path / "export.toml").read_text(encoding="utf-8"))
    status, said = office.types("directory", "show", kind)
    assert (status, len(said.splitlines())) == (0, count)


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_what_a_file_does_not_hold_is_removed(office: Office, tmp_path: Path, kind: str) -> None:
    office.has_what_is_named_by(kind)
    count = (SAMPLES / f"{kind}.toml").read_text(encoding="utf-8").count("\n[[")
    office.imports(kind, SAMPLES / f"{kind}.toml")
    (tmp_path / "empty.toml").write_text("")
    assert office.imports(kind, tmp_path / "empty.toml") == imported(0, 0, count)
    assert office.types("directory", "export", kind) == (0, "")


def test_keys_may_be_exchanged_and_codes_moved_in_one_import(office: Office, tmp_path: Path) -> None:
    text = (SAMPLES / "hotlines.toml").read_text(encoding="utf-8")
    office.imports("hotlines", SAMPLES / "hotlines.toml")
    swapped = text.replace("key = 1", "key = 7").replace("key = 2", "key = 1").replace("key = 7", "key = 2")
    (tmp_path / "new.toml").write_text(swapped.replace('"12348"', '"12349"'), encoding="utf-8")
    assert office.imports("hotlines", tmp_path / "new.toml") == imported(1, 2, 1)
    assert office.asks("hotline", entered="1").values["hotline_code"] == "119"


def test_a_folder_may_go_while_its_articles_move_to_another(office: Office, tmp_path: Path) -> None:
    folder, article = '[[articles]]\ncode = "10"\n', '[[articles]]\ncode = "11"\nparent = "10"\nprompts = ["x"]\n'
    before = "".join(f'{entry}key = 1\ntitle = "a"\n' for entry in (folder, article))
    (tmp_path / "a.toml").write_text(before)
    office.imports("articles", tmp_path / "a.toml")
    (tmp_path / "a.toml").write_text(before.replace('"10"', '"20"'))
    assert office.imports("articles", tmp_path / "a.toml") == imported(1, 1, 1)


def test_a_wrong_file_changes_nothing(office: Office, tmp_path: Path) -> None:
    office.imports("hotlines", SAMPLES / "hotlines.toml")
    text = (SAMPLES / "hotlines.toml").read_text(encoding="utf-8")
    (tmp_path / "wrong.toml").write_text(text.replace("key = 6", "key = 5").replace('"110"', '"111"'), encoding="utf-8")
    status, said = office.types("directory", "import", "hotlines", tmp_path / "wrong.toml")
    assert (status, said.count("\n")) == (1, 1)
    assert "hotlines[5]: key: the same as in hotlines[4]" in said
    assert office.value("SELECT count(*) FROM other_hotlines WHERE code IN ('110', '12348')") == 2


def test_prompts_without_a_recording_are_named(office: Office, tmp_path: Path) -> None:
    text = (SAMPLES / "hotlines.toml").read_text(encoding="utf-8").replace("hotline/110", "hotline/nothing")
    (tmp_path / "new.toml").write_text(text, encoding="utf-8")
    _, said = office.types("directory", "import", "hotlines", tmp_path / "new.toml")
    assert said.splitlines()[0] == messages.text("directory.no_sound", name="hotline/nothing")
    recording = paths.var() / "prompts" / "zh" / "hotline" / "nothing.wav"
    recording.parent.mkdir(parents=True)
    recording.touch()
    assert office.types("directory", "import", "hotlines", tmp_path / "new.toml") == (0, imported(0, 0, 0) + "\n")


def test_codes_of_tickets_are_hashed_kept_and_taken_away(office: Office, tmp_path: Path) -> None:
    sample = SAMPLES / "ticket-answers.toml"
    office.imports("ticket-answers", sample)
    stored = str(office.value("SELECT query_code_hash FROM ticket_answers WHERE ticket_no = '20260001'"))
    assert query_codes.fits("480913", stored)
    assert "480913" not in office.types("directory", "export", "ticket-answers")[1]
    text = sample.read_text(encoding="utf-8")
    (tmp_path / "new.toml").write_text(text.replace("480913", "111111").replace('"135790"', '""'), encoding="utf-8")
    assert office.imports("ticket-answers", tmp_path / "new.toml") == imported(0, 3, 0)
    assert office.asks("ticket", number="20260001", code="480913").exit == "not_found"
    assert office.asks("ticket", number="20260001", code="111111").exit == "found"
    assert office.value("SELECT query_code_hash FROM ticket_answers WHERE ticket_no = '20260003'") is None


def test_the_samples_answer_every_look_up(office: Office) -> None:
    for kind in kinds.KINDS:
        office.imports(kind, SAMPLES / f"{kind}.toml")
    assert office.asks("caller", "+8613900000060") == Answer("found", {"caller_group": "elderly"})
    assert office.asks("hotline", entered="12348").values["hotline_number"] == "12348"
    assert office.asks("knowledge", at="2000", entered="1").values["kb_document"] == "welcome-guide"
    assert office.asks("knowledge").values["kb_prompts"].count("option-press") == 5
    assert office.asks("ticket", "013900000001", number="20260001").values["state"] == "ticket-state-answered"
    assert office.asks("ticket", "13900000001", number="20260002").exit == "refused"
    assert office.asks("announcement").exit == "not_found"


def test_an_announcement_begins_at_once_and_can_be_stopped(office: Office) -> None:
    status, said = office.types("announcements", "add", "surge-announcement", "--reason", "storm", "--person", "Li")
    assert (status, said.count("\n")) == (0, 1)
    assert office.asks("announcement") == Answer("found", {"announcement_prompts": "surge-announcement"})
    assert office.types("announcements", "stop", "another") == (0, messages.text("announcements.stopped", count=0) + "\n")
    assert office.types("announcements", "stop") == (0, messages.text("announcements.stopped", count=1) + "\n")
    assert office.asks("announcement").exit == "not_found"
    actions = office.value("SELECT string_agg(action || ' ' || subject, ';' ORDER BY entry_id) FROM audit_log")
    assert actions == "announcement.add announcement:surge-announcement;announcement.stop announcement:surge-announcement"


@pytest.mark.parametrize("arguments", [["Bad Name", "--reason", "x"], ["good", "--reason", "a\nb"]])
def test_an_announcement_that_cannot_be_is_refused(office: Office, arguments: list[str]) -> None:
    status, said = office.types("announcements", "add", *arguments)
    assert status == 1
    assert said.startswith("announcements add: announcements[0]: ")


def test_every_change_and_every_look_leaves_a_line_in_the_audit_log(office: Office) -> None:
    office.imports("callers", SAMPLES / "callers.toml")
    office.types("directory", "show", "callers")
    lines = json.loads(
        str(office.value("SELECT json_agg(json_build_array(action, subject, detail) ORDER BY entry_id) FROM audit_log"))
    )
    assert lines == [
        ["directory.import", "directory:callers", {"file": "callers.toml", "added": 1, "changed": 0, "removed": 0}],
        ["directory.export", "directory:callers", {"entries": 1}],
    ]
    assert str(office.value("SELECT DISTINCT actor FROM audit_log")).startswith("shell:")


def test_without_postgresql_there_is_one_readable_line(office: Office, empty_database: Postgres) -> None:
    away = msgspec.structs.replace(empty_database.credentials, database="postgresql://hotline:x@127.0.0.1:1/hotline")
    credentials.path().write_bytes(msgspec.json.encode(away))
    status, said = office.types("directory", "import", "callers", SAMPLES / "callers.toml")
    assert (status, said.count("\n")) == (1, 1)
    assert "PostgreSQL is away, nothing was changed" in said


def test_the_commands_of_the_document_work_as_they_stand(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ivr_flows").symlink_to(paths.TREE / "ivr_flows")
    monkeypatch.chdir(tmp_path)
    document = (paths.TREE / "docs" / "directory.md").read_text(encoding="utf-8")
    commands = [line.removeprefix(COMMAND) for line in document.splitlines() if line.startswith(COMMAND)]
    assert len(commands) == 6
    for command in commands:
        status, said = office.types(*shlex.split(command))
        assert status == 0, (command, said)


def test_an_agent_may_have_every_role_but_a_guests_and_those_of_units(office: Office, tmp_path: Path) -> None:
    """ORG-20 to ORG-36: what the file may say, the table takes."""
    allowed = get_args(kinds.AgentRole)
    assert set(ROLES) - set(allowed) == {*OF_UNITS, "guest"}
    file = tmp_path / "agents.toml"
    entries = [f'[[agents]]\nagent = "{1001 + n}"\nname = "甲"\nrole = "{role}"\n' for n, role in enumerate(allowed)]
    file.write_text("\n".join(entries), encoding="utf-8")
    assert office.types("directory", "import", "agents", file)[0] == 0
    file.write_text(entries[0].replace('"agent"', '"unit_clerk"'), encoding="utf-8")
    assert office.types("directory", "import", "agents", file)[0] == 1
