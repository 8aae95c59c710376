"""The web application. Built so far: the health of the stack at ``GET /healthz``, and how errors look and speak.

The REST and WebSocket interfaces and the pages for agents, supervisors, units, citizens and administrators come on top.

May import every other package. Start reading at ``desks/application.py``.
"""
