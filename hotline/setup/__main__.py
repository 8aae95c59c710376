"""``python3 -m hotline.setup``: exit 0 when everything is there, 1 with the reason otherwise."""

from __future__ import annotations

import subprocess
import sys

from hotline import messages
from hotline.setup import steps
from hotline.setup.errors import SetupError

try:
    steps.run()
except SetupError as problem:
    sys.exit(f"{messages.text('setup.stopped')}\n{problem}")
except OSError as problem:
    sys.exit(f"{messages.text('setup.stopped')}\n{messages.text('system_error', reason=problem)}")
except subprocess.CalledProcessError as problem:
    sys.exit(f"{messages.text('setup.stopped')}\n{problem}\n{problem.stderr or problem.stdout or ''}")
except KeyboardInterrupt:
    sys.exit(130)
