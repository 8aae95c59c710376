"""Telephones for trying and testing the system: citizens that call, agents that answer, an undertaking unit (承办单位).

SIPp speaks all the SIP (``scenarios/*.xml``); the sound is our own RTP engine (``media.py``), because SIPp can play sound only
from raw sockets. The two are coupled by port number alone: a SIPp call offers a port that the engine owns. Telephones that follow
a plan: ``citizens.py``, ``seats.py``. Those that do what they are told: ``directed.py`` without sound, ``voices.py`` with it.
Pure: ``rtp``, ``sound``, ``tones``, ``hearing``, ``reception``, ``sending``, ``plan``, ``call_log``. May import: ``hotline``.
Start reading at ``citizens.py``.
"""
