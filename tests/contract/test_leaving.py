"""Signals that tell a process to end are heard whichever thread they come to; the second ends it at once."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from carbon254.adapters.cli.errors import INTERRUPTED
from carbon254.adapters.cli.leaving import leaving

# The main thread waits; another one gets the signals, as a system may choose, each when the one before was heard.
PROGRAM = """
import signal, sys, threading
from carbon254.adapters.cli.leaving import leaving

number, times = signal.Signals[sys.argv[1]], int(sys.argv[2])
for_ever = threading.Event()

def give():
    main = threading.main_thread().ident
    while sys._current_frames()[main].f_code.co_name != "wait" or for_ever.wait(0.1):
        pass  # it waits, and has had the time to fall asleep
    for n in range(times):
        if n:
            told.wait()
        signal.pthread_kill(threading.get_ident(), number)
    for_ever.wait()

with leaving(lambda: print("abandoned", flush=True)) as told:
    threading.Thread(target=give, daemon=True).start()
    told.wait()
    if times > 1:
        for_ever.wait()
print("left")
"""


def ended(number: signal.Signals, times: int) -> tuple[int, str]:
    words = [sys.executable, "-c", PROGRAM, number.name, str(times)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_is_heard_in_whichever_thread(number: signal.Signals) -> None:
    assert ended(number, 1) == (0, "left\n")


def test_the_second_ends_the_process_though_it_waits() -> None:
    assert ended(signal.SIGTERM, 2) == (INTERRUPTED, "abandoned\n")


def test_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    with leaving(lambda: None) as told:
        assert not told.is_set()
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)] == before
    assert signal.set_wakeup_fd(-1) == -1
