"""``hotline doctor``: what is wrong and how to mend it. Each check is a function that returns findings; none changes anything."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg
import msgspec

from hotline import calendar, clock, condition, messages, models, paths, probes, sounds
from hotline import credentials as secrets
from hotline import settings as configuration_file
from hotline.asterisk import configuration, installation
from hotline.errors import CredentialsError, SettingsError
from hotline.settings import Settings
from hotline.setup import python
from hotline.stack import supervisor
from hotline.stack.parts import log_file

_DISK_MEGABYTES = 500
_KEYS, _STORAGE = "recording-keys.json", "storage.json"
_BOOT_SECONDS, _LEAVE_SECONDS = 30.0, 10.0


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong: which check found it, and the mend in both languages."""

    check: str
    zh: str
    en: str


def examine() -> list[Finding]:
    """Every check, in the order of the table; an empty list means that nothing is wrong."""
    try:
        settings = configuration_file.load()
    except SettingsError as error:
        return [_finding("settings", "doctor.settings", reason=error), *_all(_WITHOUT_SETTINGS, Settings())]
    return _all(_WITHOUT_SETTINGS + _WITH_SETTINGS, settings)


def warn() -> list[Finding]:
    """What will be wrong later if nobody acts, and the alarms that are on; nothing while the settings cannot be read."""
    try:
        return _all((_calendar, _model, _alarms), configuration_file.load())
    except SettingsError:
        return []


def _all(checks: tuple[Callable[[Settings], Iterator[Finding]], ...], settings: Settings) -> list[Finding]:
    return [finding for check in checks for finding in check(settings)]


def _finding(check: str, key: str, **values: object) -> Finding:
    return Finding(check, **messages.languages(key, **values))


def _python(_: Settings) -> Iterator[Finding]:
    if sys.version_info < python.OLDEST:
        yield _finding("python", "doctor.python", version=sys.version.split()[0])
    if not python.ready():
        yield _finding("python", "doctor.environment")


def _asterisk(_: Settings) -> Iterator[Finding]:
    if installation.find() is None:
        for program in ("apt-get", "dpkg-deb"):
            if not shutil.which(program):
                yield _finding("apt", "doctor.apt", program=program)
        yield _finding("asterisk", "doctor.asterisk_missing")
    if installation.sipp() is None:
        yield _finding("sipp", "doctor.sipp_missing")


def _ffmpeg(_: Settings) -> Iterator[Finding]:
    try:
        program = shutil.which(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        program = None
    if program is None:
        yield _finding("ffmpeg", "doctor.ffmpeg_missing")


def _folders(_: Settings) -> Iterator[Finding]:
    folder = paths.var()
    if not configuration.is_fit(folder):
        yield _finding("path", "doctor.path", folder=folder)
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there):
            pass
    except OSError as error:
        yield _finding("write", "doctor.write", folder=there, reason=error.strerror or error)
    free = shutil.disk_usage(there).free // 1_000_000
    if free < _DISK_MEGABYTES:
        yield _finding("disk", "doctor.disk", folder=there, free=free, need=_DISK_MEGABYTES)


def _modes(_: Settings) -> Iterator[Finding]:
    private = [(secrets.path(), 0o600), (paths.var() / "asterisk" / "etc", 0o700), (paths.var() / "recordings", 0o700)]
    private += [(paths.var() / name, 0o600) for name in (_KEYS, _STORAGE)]
    for file, wanted in private:
        if file.exists() and (mode := file.stat().st_mode & 0o777) & ~wanted:
            yield _finding("mode", "doctor.mode", file=file, mode=f"{mode:o}", wanted=f"{wanted:o}")


def _keys(settings: Settings) -> Iterator[Finding]:
    """Without them nothing that was sealed can be opened (SEC-15); before the first recording there are none."""
    chosen, keys, storage = settings.recordings, paths.var() / _KEYS, paths.var() / _STORAGE
    folder = Path(chosen.folder) if chosen.folder else paths.var() / "recordings" / "stored"
    if not keys.exists() and next((True for _, _, files in os.walk(folder) if any(map(_is_sealed, files))), False):
        yield _finding("keys", "doctor.keys", file=keys, folder=folder)
    if chosen.storage == "s3" and not storage.exists():
        yield _finding("storage", "doctor.storage", file=storage)


def _is_sealed(name: str) -> bool:
    return name.endswith(".opus")


def _credentials(_: Settings) -> Iterator[Finding]:
    if secrets.path().exists() and not secrets.path().stat().st_mode & 0o077:
        try:
            secrets.load()
        except CredentialsError as error:
            yield _finding("credentials", "doctor.credentials", reason=error)


def _prompts(_: Settings) -> Iterator[Finding]:
    for warning in sounds.check(paths.var() / "prompts"):
        yield _finding("prompt", "doctor.prompt", file=warning.file, reason=warning.reason)


def _calendar(settings: Settings) -> Iterator[Finding]:
    year = calendar.unknown_year(settings, clock.shanghai_now())
    if year:
        yield _finding("calendar", "doctor.calendar", year=year)


def _model(settings: Settings) -> Iterator[Finding]:
    engine = settings.transcription.engine
    if engine != "none" and models.find(settings.transcription) is None:
        yield _finding("model", "doctor.model", engine=engine)


def _ports(settings: Settings) -> Iterator[Finding]:
    """Asked only while our own stack does not run."""
    if not supervisor.running("up", "hotline") and not supervisor.running("asterisk"):
        yield from ports(settings)


def ports(settings: Settings) -> Iterator[Finding]:
    """Ports that cannot be had, because another program holds them or the address is not this machine's."""
    asterisk, agi, ami, web, database = settings.asterisk, settings.agi, settings.ami, settings.web, settings.database
    wanted = [("tcp", agi.host, agi.port, "FastAGI", "agi.port"), ("tcp", web.host, web.port, "web", "web.port")]
    if not supervisor.running("asterisk"):  # one that outlived its supervisor holds its own
        wanted += [
            ("udp", asterisk.sip_address, asterisk.sip_port, "SIP", "asterisk.sip_port"),
            ("tcp", asterisk.sip_address, asterisk.sip_port, "SIP", "asterisk.sip_port"),
            ("tcp", asterisk.http_address, asterisk.http_port, "WebSocket", "asterisk.http_port"),
            ("tcp", ami.host, ami.port, "AMI", "ami.port"),
        ]
    if not database.dsn:
        wanted.append(("tcp", "127.0.0.1", database.port, "PostgreSQL", "database.port"))
    for protocol, host, port, what, setting in wanted:
        code = _cannot_bind(protocol, host, port)
        told = {"protocol": protocol.upper(), "address": f"{host}:{port}", "what": what, "setting": setting}
        if code == errno.EADDRINUSE:
            yield _finding("port", "doctor.port", **told)
        elif code:
            yield _finding("port", "doctor.address", reason=os.strerror(code), **told)


def _cannot_bind(protocol: str, host: str, port: int) -> int:
    """The system's reason, 0 when it can be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as one:
        if protocol == "tcp":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, port))
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0


def _asterisk_starts(settings: Settings) -> Iterator[Finding]:
    """Render the configuration as it is now, in a folder aside, and let Asterisk load it, when it is not running anyway."""
    chosen = installation.find()
    if chosen is None or supervisor.running("asterisk") or any(_ports(settings)):
        return
    known = _known_secrets()
    with tempfile.TemporaryDirectory(prefix="hotline-doctor-") as folder:
        with _state_in(folder):
            try:
                sounds.install(paths.var() / "asterisk", paths.var() / "prompts")
                dirs = configuration.render(settings, known or secrets.ensure(settings), chosen)
            except SettingsError as error:
                yield _finding("asterisk", "doctor.settings", reason=error)
                return
        said = _try_start([*chosen.command, "-C", str(dirs.etc / "asterisk.conf")], Path(folder))
        if not dirs.run.is_relative_to(folder):
            shutil.rmtree(dirs.run, ignore_errors=True)
        if said:
            yield _finding("asterisk", "doctor.asterisk_start", reason=said, log=paths.var() / "log" / "asterisk.log")


def _known_secrets() -> secrets.Credentials | None:
    """The installation's own, because one of them may be what Asterisk cannot read; None when there are none that fit."""
    try:
        return secrets.load()
    except CredentialsError:
        return None


@contextlib.contextmanager
def _state_in(folder: str) -> Iterator[None]:
    """For a moment the state folder is another one."""
    before = os.environ.get("HOTLINE_VAR")
    os.environ["HOTLINE_VAR"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["HOTLINE_VAR"]
        else:
            os.environ["HOTLINE_VAR"] = before


def _try_start(command: list[str], folder: Path) -> str | None:
    """Start Asterisk, ask whether it booted, stop it; returns what it said last when it did not."""
    output = folder / "output"
    with (
        output.open("wb") as out,
        subprocess.Popen([*command, "-f"], stdout=out, stderr=out, stdin=subprocess.DEVNULL) as process,
    ):
        booted = _boots(command, process)
        process.terminate()
        try:
            process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    if booted:
        return None
    lines = [line for line in output.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "?"


def _boots(command: list[str], process: subprocess.Popen[bytes]) -> bool:
    """Whether its console says within the time that it is there."""
    deadline = clock.monotonic() + _BOOT_SECONDS
    while process.poll() is None and clock.monotonic() < deadline:
        with contextlib.suppress(subprocess.TimeoutExpired):
            asked = subprocess.run(
                [*command, "-rx", "core waitfullybooted"], capture_output=True, timeout=_BOOT_SECONDS, check=False
            )
            if b"fully booted" in asked.stdout:
                return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    return False


def _bridge(_: Settings) -> Iterator[Finding]:
    """What the AMI bridge says of itself while it runs."""
    if not supervisor.running("ami_bridge"):
        return
    it, log = asyncio.run(probes.bridge()), log_file("ami_bridge")
    if it.down_since:
        yield _finding("ami_bridge", "doctor.bridge_link", since=it.down_since, log=log)
    if it.silent:
        yield _finding("ami_bridge", "doctor.bridge_silent", reason=it.silent, log=log)
    if it.journal_failing:
        yield _finding("ami_bridge", "doctor.bridge_journal", folder=paths.var() / "journal")
    if it.backlog:
        yield _finding("ami_bridge", "doctor.bridge_backlog", count=it.backlog, log=log)


def _acd(_: Settings) -> Iterator[Finding]:
    """Whether agents are where they should be, while the process that sees to it runs."""
    if supervisor.running("acd") and (wrong := asyncio.run(probes.members_in_place())):
        yield _finding("acd", "doctor.acd", reason=wrong, log=log_file("acd"))


def _database(settings: Settings) -> Iterator[Finding]:
    """Whether it answers where it should, and whether its tables fit this checkout."""
    found = _condition(settings)
    if found.away and settings.database.dsn:
        yield _finding("database", "doctor.database_away_own", reason=found.away)
    elif found.away:
        yield _finding("database", "doctor.database_away", reason=found.away, log=log_file("postgres"))
    if found.missing:
        yield _finding("schema", "doctor.schema_older", names=", ".join(found.missing))
    if found.unknown:
        yield _finding("schema", "doctor.schema_newer", names=", ".join(found.unknown))
    if found.changed:
        yield _finding("schema", "doctor.schema_changed", names=", ".join(found.changed))


def _alarms(settings: Settings) -> Iterator[Finding]:
    """One clears a while after its cause is gone: what is wrong now, other checks say."""
    for alarm in _condition(settings).alarms:
        since = alarm.raised_at.astimezone(clock.SHANGHAI).isoformat(timespec="seconds")
        value, limit = (None if one is None else f"{one:.4g}" for one in (alarm.value, alarm.limit_value))
        if value is None and limit is None:
            yield _finding("alarm", "doctor.alarm_told", kind=alarm.kind, subject=alarm.subject, since=since)
        else:
            yield _finding("alarm", "doctor.alarm", kind=alarm.kind, subject=alarm.subject, since=since, value=value, limit=limit)


def _condition(settings: Settings) -> condition.Condition:
    """Of a database of the operator's own always, of ours while it runs; before the first start there is nothing to ask."""
    known = _known_secrets()
    if known is None or not (settings.database.dsn or supervisor.running("postgres")):
        return condition.Condition()
    return condition.look(settings.database.dsn or known.database)


_WITHOUT_SETTINGS = (_python, _asterisk, _ffmpeg, _folders, _modes, _credentials, _prompts)
_WITH_SETTINGS = (_keys, _ports, _asterisk_starts, _bridge, _acd, _database)
