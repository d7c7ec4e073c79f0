"""What a container runs: one pipeline in this process, by the name of its command in `bin/`.

The first process of a container gets no signal that it does not handle: so signals are handled before the
rest is read.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the pipeline that the one argument names, tell what became of it, and end with the run's code."""
    # Until the watch is there nothing was begun, so that leaving at once leaves nothing behind.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGINT, lambda *_: os._exit(128 + signal.SIGINT))
    from bonobo.cli import leave
    from bonobo.console import Console
    from bonobo.errors import exit_code_of
    from bonobo.signals import SignalWatch

    with SignalWatch() as watch:
        # A signal while modules are read is kept, and stops the run at its beginning.
        watch.deliver(lambda _: None)
        try:
            from warehouse.cloud.running import run_task

            code, reports = run_task(sys.argv[1:], os.environ, watch)
        except Exception as error:
            Console().error(error)
            leave(exit_code_of(error))
        leave(code, reports)


if __name__ == "__main__":
    main()
