"""Recordings and night messages: taken in, checked, stored and indexed.

May import ``acd``, ``ivr_flows``, ``ami_bridge`` and ``hotline``. Start reading at ``recordings/worker.py``.
"""
