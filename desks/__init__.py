"""The web application: REST, WebSocket, and the pages for agents, supervisors, units, citizens and administrators.

May import every other package. Start reading at ``desks/__main__.py``.
"""
