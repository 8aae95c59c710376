"""Benchmarks: ``python -m bench [NAME…]`` runs them (all by default) and prints one JSON object a figure.

Every figure is a ratio: against a peer measured in the same run, or against a limit. None is an absolute promise. Progress for
people goes to standard error. Each file with a ``measure`` function is one benchmark; ``__main__`` has the table. They run on a
whole stack of their own (``tests.trial``) with real telephones (``hotline.phones``). May import everything; nothing imports it.
"""
