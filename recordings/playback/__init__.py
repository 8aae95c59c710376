"""Hearing a recording: any stretch of it, either side, as Opus, WAV or MP3, and its picture."""
