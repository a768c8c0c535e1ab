"""``mx gateway`` in forks of an interpreter that has read its modules already: so a life costs little more than it does.

``python -m tests.gateway.forked gateway``: each line on standard input is one life, one after the other. It says the
life's process id, whatever that process itself says, and when it is gone.
"""

import os
import sys

from bot.cli import main
from bot.verbs import gateway


def live() -> None:
    """One life, in a process of its own."""
    pid = os.fork()
    if not pid:
        os.close(0)
        main()
        os._exit(0)
    print("born", pid, flush=True)  # noqa: T201 - the test reads it
    _, status = os.waitpid(pid, 0)
    print("gone", os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    assert gateway is not None
    while sys.stdin.readline():
        live()
