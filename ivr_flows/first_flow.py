"""The first flow: the menu "1 for an agent, 2 for self-service", what follows the queue, and the standby path.

Stages: ``inbound`` (after the welcome), ``after-queue`` (when ``Queue()`` has given the caller back) and ``standby`` (the menu
cannot be reached: a greeting, then the queue). All three share the rules below them: who goes to the agents, who is asked for a
message and why. No key ever loses a caller: three failures lead to an agent.
"""

from __future__ import annotations

from ivr_flows.engine import Flow, Leave, Mark, Menu, Play, QueueEnded, Staffed

AFTER_QUEUE = {
    "CONTINUE": "goodbye",  # the agent hung up first
    "TIMEOUT": "timed-out",
    "FULL": "queue-full",
    "JOINEMPTY": "no-agents",
    "LEAVEEMPTY": "no-agents",
    "JOINUNAVAIL": "no-agents",
    "LEAVEUNAVAIL": "no-agents",
}
"""``QUEUESTATUS`` to what follows; any other (``WITHDRAW``, none because the queue does not exist) is a fault."""

FLOW = Flow(
    stages={"inbound": "main", "after-queue": "after-queue", "standby": "standby"},
    nodes={
        "main": Menu(
            name="main",
            prompt="menu",
            choices={"1": "agent", "2": "self-service"},
            invalid="invalid",
            silent="no-input",
            otherwise="agent",
        ),
        "self-service": Play("selfservice-later", then="main"),
        "agent": Staffed(yes="to-agent", no="closed"),
        "to-agent": Play("to-agent", then="agents"),
        "agents": Leave("agents"),
        "closed": Play("out-of-hours", then="message-closed"),
        "message-closed": Leave("message", reason="out_of_hours"),
        "after-queue": QueueEnded(AFTER_QUEUE, otherwise="fault"),
        "goodbye": Leave("goodbye"),
        "timed-out": Play("agents-busy", then="message-timed-out"),
        "message-timed-out": Leave("message", reason="timed_out"),
        "queue-full": Play("agents-busy", then="message-queue-full"),
        "message-queue-full": Leave("message", reason="queue_full"),
        "no-agents": Play("agents-busy", then="message-no-agents"),
        "message-no-agents": Leave("message", reason="no_agents"),
        "fault": Play("agents-busy", then="message-fault"),
        "message-fault": Leave("message", reason="fault"),
        "standby": Mark("standby:inbound", then="standby-greeting"),
        "standby-greeting": Play("standby-greeting", then="standby-agents"),
        "standby-agents": Staffed(yes="agents", no="closed"),
    },
)
