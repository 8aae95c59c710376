"""From the WAV file that was taken in to the sealed recording: jobs in PostgreSQL, each step can be cut off and done again."""
