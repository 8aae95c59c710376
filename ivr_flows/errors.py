"""What can go wrong in a flow: one class per cause; the docstring is the operator's explanation."""

from __future__ import annotations

from hotline.errors import HotlineError


class FlowError(HotlineError):
    """A flow names a stage or a node that does not exist, or runs in a circle without asking the caller anything.

    The call in question is served by the standby path; mend the flow.
    """
