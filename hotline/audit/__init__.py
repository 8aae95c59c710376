"""The audit log (SEC-12, LIF-41): rows are only added, and sealed one after another, so that a later change shows.

``chain`` is the arithmetic, ``store`` seals and verifies, ``commands`` is ``python -m hotline audit verify|head``.
"""
