"""The public network as a fax sees it: a second Asterisk, a fax machine behind the units' trunk and a caller on the citizens'.

``with network(folder, settings) as peer``: what is dialled through the units' trunk is answered by ``peer.machine``: it receives
a fax, is busy, or hangs up in the middle. ``peer.call()`` is a citizen's fax machine that dials the hotline and receives.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from hotline.asterisk import configuration, installation
from hotline.phones import sipp
from hotline.settings import Settings
from tests.trial import wait_until

_WITHOUT = ("app_queue", "cdr_csv", "cel_custom", "res_cdrel_custom", "pbx_spool", "res_pjsip_transport_websocket")
"""Modules of ours that need more configuration than the peer has."""

_ASTERISK = """
[directories]
astetcdir => {etc}
astmoddir => {modules}
astvarlibdir => {folder}/lib
astdbdir => {folder}/lib
astkeydir => {folder}/lib
astdatadir => {folder}/data
astagidir => {folder}/agi
astspooldir => {folder}/spool
astrundir => {run}
astlogdir => {folder}/log
[options]
nocolor = yes
"""
_PJSIP = """
[global]
type = global
[unit]
type = transport
protocol = udp
bind = {unit}:{unit_port}
[citizen]
type = transport
protocol = udp
bind = {citizen}:{citizen_port}
[fax](!)
type = endpoint
disallow = all
allow = alaw,ulaw
direct_media = no
bind_rtp_to_media_address = yes
t38_udptl = {t38}
t38_udptl_ec = redundancy
t38_bind_udptl_to_media_address = yes
[machine](fax)
context = machine
transport = unit
media_address = {unit}
[machine]
type = identify
endpoint = machine
match = {hotline}
[caller](fax)
transport = citizen
media_address = {citizen}
aors = caller
context = nowhere
from_user = 13800007001
[caller]
type = aor
contact = sip:{hotline}:{hotline_port}
"""
# A global variable says what the machine does; it keeps the numbers that it saw.
_EXTENSIONS = """
[globals]
MACHINE = receives
SEEN =
[machine]
exten => _X.,1,Set(GLOBAL(SEEN)=${{SEEN}} ${{CALLERID(num)}}>${{EXTEN}})
 same => n,Goto(${{MACHINE}},1)
exten => receives,1,Answer()
 same => n,Goto(received,s,1)
exten => busy,1,Busy(3)
exten => silent,1,Ringing()
 same => n,Wait(600)
exten => leaves,1,Answer()
 same => n,Set(TIMEOUT(absolute)=8)
 same => n,ReceiveFAX({folder}/left.tif,f)
exten => talks,1,Answer()
 same => n,Wait(3)
 same => n,Hangup()
exten => stays,1,Answer()
 same => n,Wait(600)
[caller]
exten => s,1,Wait(${{PATIENCE}})
 same => n,Goto(received,s,1)
[received]
exten => s,1,ReceiveFAX({folder}/${{UNIQUEID}}.tif,f)
 same => n,Wait(${{STAYS}})
 same => n,Hangup()
exten => h,1,Set(GLOBAL(GOT)=${{GOT}} ${{UNIQUEID}}:${{FAXSTATUS}}:${{FAXMODE}})
"""

Machine = Literal["receives", "busy", "silent", "leaves", "talks", "stays"]


class Network:
    """The running peer. ``received()`` lists what its machines took."""

    def __init__(self, folder: Path, run: Path) -> None:
        self.folder, self.run = folder, run

    def console(self, command: str) -> str:
        """What the peer's console answers."""
        found = installation.find()
        assert found
        argv = [*found.command, "-C", str(self.folder / "etc" / "asterisk.conf"), "-rx", command]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False).stdout

    def machine(self, does: Machine) -> None:
        """What the fax machine does from now on."""
        self.console(f"dialplan set global MACHINE {does}")

    def call(self, number: str = "12345", *, patience: int = 0, stays: int = 0) -> None:
        """A citizen's fax machine dials, waits, receives, and stays on the line for so many seconds."""
        self.console(f"dialplan set global PATIENCE {patience}")
        self.console(f"dialplan set global STAYS {stays}")
        self.console(f"channel originate PJSIP/{number}@caller extension s@caller")

    def hang_up(self, endpoint: Literal["caller", "machine"]) -> None:
        """End every call of this side of the peer."""
        for name in re.findall(rf"^PJSIP/{endpoint}-[^!]+", self.console("core show channels concise"), re.MULTILINE):
            self.console(f"channel request hangup {name}")

    def seen(self) -> list[tuple[str, str]]:
        """(caller's number, number dialled) of every call that came in, in order."""
        return [(caller, dialled) for caller, _, dialled in (word.partition(">") for word in self._words("SEEN"))]

    def received(self) -> list[tuple[Path, str, str]]:
        """(file, FAXSTATUS, FAXMODE) of every fax, in order."""
        parts = [word.split(":") for word in self._words("GOT")]
        return [(self.folder / f"{name}.tif", status, mode) for name, status, mode in parts]

    def _words(self, name: str) -> list[str]:
        lines = self.console("dialplan show globals").splitlines()
        return next((line.split("=", 1)[1].split() for line in lines if line.strip().startswith(f"{name}=")), [])


@contextlib.contextmanager
def network(folder: Path, settings: Settings, *, t38: bool = True) -> Iterator[Network]:
    """The peer, for as long as the block runs."""
    found = installation.find()
    assert found
    run = Path(f"/tmp/fax-peer-{settings.asterisk.sip_port}")  # a socket's path must be short
    for name in ("etc", "lib/keys", "data", "agi", "spool", "log"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    run.mkdir(mode=0o700, exist_ok=True)
    data = folder / "data" / "documentation"
    if not data.is_symlink():
        data.symlink_to(found.documentation)
    known = {
        "folder": folder,
        "etc": folder / "etc",
        "run": run,
        "modules": found.modules,
        "unit": settings.trunks.unit_address,
        "unit_port": settings.trunks.unit_port,
        "citizen": settings.trunks.citizen_address,
        "citizen_port": sipp.free_port(settings.trunks.citizen_address),
        "hotline": settings.asterisk.sip_address,
        "hotline_port": settings.asterisk.sip_port,
        "t38": "yes" if t38 else "no",
    }
    files = {
        "asterisk": _ASTERISK.format(**known),
        "pjsip": _PJSIP.format(**known),
        "extensions": _EXTENSIONS.format(**known),
        "modules": "\n".join([*_modules(), "load = res_clioriginate.so"]),
        "rtp": "[general]\nrtpstart = 32000\nrtpend = 32999\n",
        "udptl": "[general]\nudptlstart = 5000\nudptlend = 5499\n",
        "res_fax": "[general]\nmaxrate = 14400\nminrate = 4800\nmodems = v17,v27,v29\n",
        "manager": "[general]\nenabled = no\n",
        "http": "[general]\nenabled = no\n",
    }
    for file in configuration.TEMPLATES.glob("*.conf"):
        shutil.copy(file, folder / "etc")
    for name, text in files.items():
        (folder / "etc" / f"{name}.conf").write_text(text + "\n")
    peer = Network(folder, run)
    argv = [*found.command, "-C", str(folder / "etc" / "asterisk.conf"), "-f"]
    null = subprocess.DEVNULL
    with subprocess.Popen(argv, stdin=null, stdout=null, stderr=null) as process:
        try:
            wait_until(lambda: "fully booted" in peer.console("core waitfullybooted"), what="the fax peer has started")
            yield peer
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            for file in run.iterdir():
                file.unlink()
            run.rmdir()


def _modules() -> list[str]:
    """The lines of our own list of modules, but for what the peer has no use for."""
    lines = (configuration.TEMPLATES / "modules.conf").read_text().splitlines()
    return [line for line in lines if not any(f"= {name}.so" in line for name in _WITHOUT)]
