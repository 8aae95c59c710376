"""Recordings and night messages: taken in from Asterisk's folders, checked, stored and indexed.

``audio`` (pure: what is in the bytes), ``facts`` and ``intake`` (pure: what there is to do), ``files`` (the disk), ``store``
(PostgreSQL), ``worker`` (the loop). A piece of audio leaves Asterisk's folder only after its copy and its row are safe.

May import ``acd``, ``ivr_flows``, ``ami_bridge`` and ``hotline``. Start reading at ``recordings/intake.py``.
"""
