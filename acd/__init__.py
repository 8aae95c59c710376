"""Who answers: agents, skills, priorities, overflow, call-back list, three-way conference, supervision of live calls.

May import ``ami_bridge`` and ``hotline``. So far there is the call-back list (``callbacks.py``); the one queue lives in
``asterisk-conf/queues.conf``.
"""
