"""Recordings and night messages: taken in from Asterisk's folders, checked, sealed, stored, transcribed, played.

``intake.py``       what there is to do with what Asterisk left (pure); ``files.py`` the disk, ``store.py`` the rows,
                    ``worker.py`` the loop. A piece of audio leaves Asterisk's folder only after its copy and its row are safe
``manifest.py``     what a recording is; ``timeline.py`` (pure) makes its segments and gaps of what ``happenings.py`` reads
``pipeline``        the WAV file becomes a sealed recording: jobs in PostgreSQL, each step can be cut off and done again
``storage``         sealed files in a folder or a bucket, the keys, verification, rotation
``playback``        any stretch of it, either side, in any format, masked, marked; its picture
``transcription``   speech to text: the port ``transcript.py``, engines in processes of their own
``ffmpeg.py``       the one program that encodes and decodes

May import ``acd``, ``ivr_flows``, ``ami_bridge`` and ``hotline``. Start reading at ``recordings/intake.py``.
"""
