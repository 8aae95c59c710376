"""What callers are told and led to, kept by the office in TOML files: other hotlines (IVR-04), groups of callers, the spoken
knowledge tree (IVR-05), announcements (IVR-33), undertaking units (TWC-07), and what may be told about tickets (IVR-06) until a
ticket system keeps that.

``python -m hotline directory import|export|show KIND [FILE]`` and ``announcements add|stop``. Pure: ``kinds``, ``toml``.
Start reading at ``kinds.py``.
"""
