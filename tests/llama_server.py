"""A real model server, llama.cpp's of the package xllamacpp: serves a GGUF file until its input ends."""

from __future__ import annotations

import sys

import xllamacpp


def serve(model: str, key: str) -> None:
    """Print the server's address, and serve."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.api_keys = [key]
    parameters.hostnames = ["127.0.0.1"]
    parameters.n_ctx = 4096
    parameters.n_parallel = 2
    parameters.cpuparams.n_threads = 2
    parameters.warmup = False
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    serve(*sys.argv[1:])
