"""``python -m bench.vosk_alone MODEL WAV``: vosk alone; for each line on standard input, its CPU time."""

from __future__ import annotations

import os
import sys
import wave

import vosk


def main() -> int:
    """As nice as a transcriber, with the model loaded before the first line."""
    os.nice(10)
    vosk.SetLogLevel(-1)
    model = vosk.Model(sys.argv[1])
    print("ready", flush=True)
    for _ in sys.stdin:
        began = sum(os.times()[:2])
        recogniser = vosk.KaldiRecognizer(model, 8000)
        recogniser.SetWords(True)
        with wave.open(sys.argv[2]) as file:
            while data := file.readframes(4000):
                if recogniser.AcceptWaveform(data):
                    recogniser.Result()
        recogniser.FinalResult()
        print(sum(os.times()[:2]) - began, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
