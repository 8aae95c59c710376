"""The shared kernel and the command line.

What is here: settings, paths, credentials, the database, SQL files, clock, log, opening hours and speech models; the set-up of a
fresh checkout (``hotline.setup``, standard library only), the processes of the stack (``hotline.stack``), the rendering of the
Asterisk configuration (``hotline.asterisk``), and telephones for trying the system (``hotline.phones``).

May import: nothing else of this project; every other package may import it. Start reading at ``hotline/__main__.py``.
"""
