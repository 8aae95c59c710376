"""The peer "a pyst2 process for each call": three questions, asked as such scripts do; Asterisk runs it."""

from __future__ import annotations

from asterisk.agi import AGI, AGIException

_KEYS = "0123456789*#"


def main() -> None:
    """Ask until the caller has chosen an agent, has entered a ticket number or has hung up."""
    agi = AGI()
    try:
        for menu in ("menu", "self-service-menu"):
            key = agi.get_option(menu, _KEYS, 5000)
            while key != "2":
                if key == "1":
                    agi.stream_file("to-agent")
                    return
                agi.stream_file("invalid" if key else "no-input")
                key = agi.get_option(menu, _KEYS, 5000)
        agi.get_data("enter-ticket", 5000, 20)
    except AGIException:
        return


if __name__ == "__main__":
    main()
