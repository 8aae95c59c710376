"""Who answers: agents, skills, priorities, overflow, call-back list, three-way conference, supervision of live calls.

May import ``ami_bridge`` and ``hotline``. Nothing is built here yet: the one queue of the first flow lives in
``asterisk-conf/queues.conf``.
"""
