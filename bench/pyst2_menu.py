"""The peer "a pyst2 process for each call": the first flow's menu, written as such scripts are; Asterisk runs it."""

from __future__ import annotations

from asterisk.agi import AGI, AGIException

_KEYS = "0123456789*#"


def main() -> None:
    """Ask until the caller has chosen an agent or has hung up."""
    agi = AGI()
    try:
        for _ in range(8):
            key = agi.get_option("menu", _KEYS, 5000)
            if key == "1":
                agi.stream_file("to-agent")
                return
            agi.stream_file("selfservice-later" if key == "2" else "invalid" if key else "no-input")
    except AGIException:
        return


if __name__ == "__main__":
    main()
