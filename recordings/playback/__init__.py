"""Hearing a recording: any stretch of it, either side, as Opus, WAV or MP3, its picture, and the mark in what is taken away."""
