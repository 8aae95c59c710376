"""``python3 -m hotline.setup [speech]``: exit 0 when everything is there, 1 with the reason otherwise."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036  said before anything is imported that an older Python cannot read
    _HAS = sys.version.split()[0]
    sys.exit(f"Python {_HAS} 太旧：需要 3.11 以上 / Python {_HAS} is too old: 3.11 or newer is needed")

import subprocess

from hotline import messages
from hotline.setup import steps
from hotline.setup.errors import SetupError

try:
    steps.run(speech="speech" in sys.argv[1:])
except SetupError as problem:
    sys.exit(f"{messages.text('setup.stopped')}\n{problem}")
except OSError as problem:
    sys.exit(f"{messages.text('setup.stopped')}\n{messages.text('system_error', reason=problem)}")
except subprocess.CalledProcessError as problem:
    sys.exit(f"{messages.text('setup.stopped')}\n{problem}\n{problem.stderr or problem.stdout or ''}")
except KeyboardInterrupt:
    sys.exit(130)
