"""Read by Python as it starts, in every process of a vLLM server of the tests: to wait is to sleep.

vLLM's processes wait for each other by `sched_yield`, again and again. Beside that, Linux 6.18 gives nothing
else on the core its turn for as long as a reply is written: neither the server's own front, which then does
not see that a client leaves, nor the tests.
"""

import os
import time


def _sleep() -> None:
    time.sleep(50e-6)


os.sched_yield = _sleep
