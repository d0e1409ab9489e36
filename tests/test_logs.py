"""Log lines: one shape, and no trouble of their own."""

import json
import subprocess
import sys

TALK = """
import logging, structlog, sys
from greenroom import logs
logs.set_up("info")
structlog.get_logger().info("Received Cal.com webhook", uid="abc")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger().exception("It failed")
logging.getLogger("library").warning("A library's line")
structlog.get_logger().debug("Not wanted")
sys.stderr.close()
structlog.get_logger().info("Nobody can read this")
print("went on")
"""


def test_ours_and_the_libraries_lines_are_json_and_a_closed_stream_fails_nothing():
    done = subprocess.run([sys.executable, "-c", TALK], capture_output=True, text=True, check=False)

    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("Received Cal.com webhook", "info"),
        ("It failed", "error"),
        ("A library's line", "warning"),
    ]
    assert lines[0]["uid"] == "abc"
    assert "ZeroDivisionError" in lines[1]["exception"]
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert (done.returncode, done.stdout) == (0, "went on\n")
