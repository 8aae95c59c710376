"""Set-up of a fresh checkout: Python packages, a private Asterisk and SIPp, PostgreSQL, prompts. Standard library only.

Run it as ``python3 -m hotline.setup`` (``make setup``). Every step looks first whether its result is there, so a second run
does nothing twice and needs no network. Nothing here needs root. Start reading at ``steps.py``.
"""
