"""FastAGI server: one asyncio process (or several), one session per call; and the standby AGI script.

May import ``ivr_flows``, ``acd``, ``ami_bridge`` and ``hotline``. Start reading at ``agi/codec.py``.
"""
