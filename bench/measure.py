#!/usr/bin/env python3
"""What a command costs, seen from outside: seconds, its own processor time, and its largest resident memory.

    python3 bench/measure.py FILE COMMAND [ARGUMENT...]

runs the command, writes the three as JSON to FILE, and ends with the command's status. As a program of its own it is small:
the kernel counts what a process was before it executed another program towards that program's peak, so that a child of
a large process would look large.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time


@dataclasses.dataclass(frozen=True)
class Cost:
    seconds: float
    cpu_seconds: float
    peak_mb: float
    status: int


def measured(*commands: list, **options) -> Cost:
    """Run the commands at the same time until all have ended; `options` are subprocess.Popen's. The peaks and processor times
    add up, the status is the worst (a signal's number is negative there)."""
    began = time.monotonic()
    processes = [subprocess.Popen([str(word) for word in command], **options) for command in commands]
    cpu, peak, statuses = 0.0, 0.0, []
    for process in processes:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen doesn't wait for it again
        statuses.append(process.returncode)
        cpu += usage.ru_utime + usage.ru_stime
        peak += usage.ru_maxrss / 1024
    return Cost(time.monotonic() - began, cpu, peak, next((status for status in statuses if status != 0), 0))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    cost = measured(sys.argv[2:])
    pathlib.Path(sys.argv[1]).write_text(json.dumps(dataclasses.asdict(cost)), encoding="utf-8")
    sys.exit(cost.status if cost.status >= 0 else 128 - cost.status)
