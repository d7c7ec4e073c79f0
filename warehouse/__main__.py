"""`python -m warehouse`, and where the command begins: Ctrl-C ends it quietly from its first moment."""

from __future__ import annotations

import os
import signal
from typing import NoReturn


def main() -> NoReturn:
    """Run the command; a SIGINT while its modules are read ends it with 130."""
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(128 + signal.SIGINT))
    from warehouse.cli import main as run

    signal.signal(signal.SIGINT, before)
    run()


if __name__ == "__main__":
    main()
