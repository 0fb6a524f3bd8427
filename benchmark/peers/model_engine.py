"""Whole models as engines: a line each for `prefill M` (a prompt of M tokens) and `decode M` (M tokens one by one,
behind a prompt), answered with seconds.

usage: model_engine.py fptq|llama FILE THREADS     FILE: GGUF; fptq compiles it, its codes kept
       model_engine.py convert FILE OUTPUT TYPE    llama.cpp's quantization: Q4_0 (every matrix) or Q4_K_M
"""

import os
import sys
import time

CONTEXT, PROMPT = 512, 128


class Fptq:
    def __init__(self, path, threads):
        from quant_fptq.importer import load_checkpoint
        from quant_fptq.quantize import QuantizeOptions
        from quant_fptq import Model, Session

        checkpoint = load_checkpoint(path, CONTEXT)
        self.session = Session()
        module = self.session.import_checkpoint(checkpoint, "f16")  # as llama.cpp keeps its cache
        module.run(QuantizeOptions(policy="per-token", group_size=32, keep_float="").pipeline())
        self.model = Model(module.compile("auto", threads), checkpoint.config)
        self.label = f"quant-fptq {self.model.executable.tier}"

    def prefill(self, tokens):
        self.model.reset()
        self.model.prompt(tokens)  # as llama.cpp: logits of the last token only

    def decode(self, tokens):
        for token in tokens:
            self.model.decode(token)


class Llama:
    def __init__(self, path, threads):
        import llama_cpp

        self.api = llama_cpp
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = CONTEXT, CONTEXT, CONTEXT
        parameters.n_threads = parameters.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, parameters)
        self.label = f"llama.cpp {llama_cpp.__version__} {os.path.splitext(os.path.basename(path))[0]}"

    def _run(self, tokens):
        array = (self.api.llama_token * len(tokens))(*tokens)
        if self.api.llama_decode(self.context, self.api.llama_batch_get_one(array, len(tokens))):
            raise RuntimeError("llama_decode failed")

    def prefill(self, tokens):
        self.api.llama_memory_clear(self.api.llama_get_memory(self.context), False)
        self._run(tokens)

    def decode(self, tokens):
        for token in tokens:
            self._run([token])


def convert(source, output, kind):
    import llama_cpp

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{kind}")
    parameters.pure = kind == "Q4_0"  # the head as well, so that both programs read the very same codes
    partial = output + ".partial"
    if llama_cpp.llama_model_quantize(source.encode(), partial.encode(), parameters):
        raise SystemExit(f"cannot quantize {source} to {kind}")
    os.replace(partial, output)


def serve(engine, threads):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(f"ok {engine.label}", file=answers, flush=True)
    # One thread is timed by what it ran.
    clock = time.process_time if threads == 1 else time.perf_counter
    for line in sys.stdin:
        command, count = line.split()
        tokens = [(7919 * i + 1) % 32000 for i in range(PROMPT + int(count))]
        if command == "prefill":
            work = lambda: engine.prefill(tokens[: int(count)])  # noqa: E731
        else:
            engine.prefill(tokens[:PROMPT])
            work = lambda: engine.decode(tokens[PROMPT:])  # noqa: E731
        start = clock()
        work()
        print(clock() - start, file=answers, flush=True)


def main():
    if sys.argv[1] == "convert":
        convert(*sys.argv[2:])
    else:
        threads = int(sys.argv[3])
        serve({"fptq": Fptq, "llama": Llama}[sys.argv[1]](sys.argv[2], threads), threads)


if __name__ == "__main__":
    main()
