"""The flows on disk: ours in ``ivr_flows/flows``, the city's in ``var/flows``, and every version that a call may still be in.

A city's ``NAME.toml`` wins over ours as soon as it is there and passes the check; one that does not is refused with an alarm, and
what was in use stays. A version in use is kept in ``var/flows/versions`` before the first call gets it, so that a call that waits
in a queue goes on with its own version even if this process dies and the file has changed meanwhile.
"""

from __future__ import annotations

import re
from pathlib import Path

import structlog

from hotline import clock, durable, paths
from hotline.errors import HotlineError
from hotline.settings import Settings
from ivr_flows import world
from ivr_flows.check import check
from ivr_flows.errors import FlowError, FlowRefused
from ivr_flows.files import OURS, load, standby
from ivr_flows.flow import Flow

__all__ = ["LOOK_SECONDS", "OURS", "Library", "checked", "city_flows", "load", "standby"]

LOOK_SECONDS = 1.0
"""How often a file's time is looked at."""

_IDENTITY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}@[0-9a-f]{8}")

log = structlog.get_logger("ivr_flows")


def city_flows() -> Path:
    """The folder of the city's flows."""
    return paths.var() / "flows"


def checked(file: Path, settings: Settings) -> Flow:
    """The flow of a file that passes the check against the settings.

    Raises ``FlowRefused`` with everything that is wrong, or ``FlowError``.
    """
    flow = load(file)
    try:
        known = world.on_disk(settings)
    except OSError as error:
        raise FlowError(f"{file}: the catalogue of prompts cannot be read: {error}") from error
    if problems := check(flow, flow.text, known):
        raise FlowRefused(str(file), problems)
    return flow


class Library:
    """The flow in use by its name, and its versions; cheap to ask for every call."""

    def __init__(self, settings: Settings, *, folder: Path | None = None) -> None:
        """The settings say which flow. Raises ``FlowRefused`` or ``FlowError`` when not even ours of that name can be used."""
        self._name, self._settings, self._folder = settings.ivr.flow, settings, folder or city_flows()
        self._seen: tuple[Path, int] | None = None
        self._looked = 0.0
        self._versions: dict[str, Flow] = {}
        self._current = self._first()

    def current(self) -> Flow:
        """The flow for a call that begins."""
        now = clock.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._renew()
        return self._current

    def version(self, identity: str) -> Flow:
        """The flow ``name@version`` of a call in progress; raises ``FlowError`` when it is nowhere to be had."""
        known = self._versions.get(identity)
        if known is None:
            if not _IDENTITY.fullmatch(identity):
                raise FlowError(f"not a version of a flow: {identity[:60]!r}")
            known = load(self._folder / "versions" / f"{identity}.toml")
            if known.identity != identity:
                raise FlowError(f"{identity}: the kept copy has changed")
            self._versions[identity] = known
        return known

    def _first(self) -> Flow:
        """The city's flow if it can be used, else ours."""
        ours, city = OURS / f"{self._name}.toml", self._folder / f"{self._name}.toml"
        if city.exists():
            try:
                return self._take(city)
            except (OSError, HotlineError) as error:
                log.critical("ALARM: the city's flow is refused; ours is used", error=str(error))
        if not ours.exists():
            raise FlowError(f"there is no flow {self._name!r}: neither {city} nor {ours}")
        return self._take(ours)

    def _renew(self) -> None:
        """Look whether the file has changed; a new version that fails the check is refused."""
        file = next((f for f in (self._folder / f"{self._name}.toml", OURS / f"{self._name}.toml") if f.exists()), None)
        if file is None or self._seen == (file, file.stat().st_mtime_ns):
            return
        try:
            before = self._current.identity
            self._current = self._take(file)
            log.info("flow loaded", flow=self._current.identity, before=before, file=str(file))
        except (OSError, HotlineError) as error:
            log.critical("ALARM: the flow is refused; the one in use stays", in_use=self._current.identity, error=str(error))

    def _take(self, file: Path) -> Flow:
        self._seen = (file, file.stat().st_mtime_ns)
        flow = checked(file, self._settings)
        self._keep(flow)
        self._versions[flow.identity] = flow
        return flow

    def _keep(self, flow: Flow) -> None:
        kept = self._folder / "versions" / f"{flow.identity}.toml"
        if kept.exists():
            return
        kept.parent.mkdir(parents=True, exist_ok=True)
        durable.write(kept, flow.text.encode())
