"""The operator's log goes to standard error as JSON where nobody watches, and shows nobody's variables."""

import json
import subprocess
import sys

CODE = """
import structlog
from bot.verbs import operators_log
operators_log.start()
log = structlog.get_logger("mx.test")
log.info("loop fell", loop="card")
def fail(secret): raise ValueError("no")
try: fail("xoxb-secret-value")
except ValueError: log.error("stumbled", exc_info=True)
"""


def test_events_are_json_lines_on_standard_error_without_local_variables() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    first, second = map(json.loads, done.stderr.splitlines())
    assert (first["event"], first["loop"], first["level"]) == ("loop fell", "card", "info")
    assert "ValueError: no" in second["exception"]
    assert "xoxb-secret-value" not in done.stderr
