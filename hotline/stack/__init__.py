"""The processes of the stack: how each is prepared and started, and the supervisor that keeps them running.

May import: the rest of ``hotline``. Start reading at ``hotline/stack/postgres.py`` for a single process.
"""
