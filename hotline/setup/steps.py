"""The steps of set-up, in order. Standard library only."""

from __future__ import annotations

import os
import subprocess

from hotline import messages, paths
from hotline.asterisk import installation
from hotline.setup import debian, python
from hotline.setup.errors import SetupError
from hotline.setup.progress import Progress

_PACKAGES = ["asterisk", "sip-tester"]


def run(speech: bool = False) -> None:
    """All of set-up; ``speech``: and the second speech engine with what tests need.

    Raises ``SetupError`` at the first step that cannot be done.
    """
    progress = Progress()
    progress.step("setup.python", folder=python.environment())
    python.ensure(progress)
    if speech:
        progress.step("setup.speech")
        python.ensure_speech(progress)
    progress.step("setup.asterisk")
    _asterisk(progress)
    progress.step("setup.postgres")
    _in_environment("-c", "from hotline.stack import postgres; raise SystemExit(not postgres.binary('postgres').exists())")
    progress.note("setup.there")
    progress.step("setup.prompts")
    _in_environment("-m", "ivr_flows.render")
    progress.finish()


def _asterisk(progress: Progress) -> None:
    """Asterisk and SIPp: what is named, kept or installed is taken; what is missing is downloaded."""
    found = installation.find()
    if os.environ.get("HOTLINE_ASTERISK") and found is None:
        raise SetupError(messages.text("setup.named_asterisk", path=os.environ["HOTLINE_ASTERISK"], oldest=installation.OLDEST))
    if found is None or installation.sipp() is None:
        own = found is None or found.modules.is_relative_to(installation.private_root())
        debian.fetch(_PACKAGES if own else ["sip-tester"], paths.cache() / "asterisk", progress)
        found = installation.find()
    if found is None or installation.sipp() is None:
        raise SetupError(messages.text("setup.asterisk_broken", folder=installation.private_root()))
    progress.note("setup.asterisk_is", version=".".join(map(str, found.version)), command=found.command[-1])


def _in_environment(*arguments: str) -> None:
    done = subprocess.run([str(python.environment() / "bin" / "python"), *arguments], cwd=paths.TREE, check=False)
    if done.returncode:
        raise SetupError(messages.text("setup.step_failed", step=" ".join(arguments)))
