"""A peer as an engine: `prepare M N K GROUP THREADS COPIES` -> "ok LABEL" or "skip REASON"; `time SECONDS` -> seconds.

usage: serve.py NAME, the module NAME_peer.py beside this file with
    prepare(m, n, k, group, threads, copies) -> (label, call): call() runs `copies` products of m rows, each with
    weights of its own; whatever it raises is the reason why the peer is left out.
"""

import importlib
import os
import statistics
import sys
import time


def main():
    # Libraries print where they like: answers keep the first stdout, everybody else gets stderr.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        peer, missing = importlib.import_module(sys.argv[1] + "_peer"), None
    except (ImportError, OSError) as error:  # no module, or none of the libraries that it loads
        peer, missing = None, error
    call, copies, clock = None, 1, time.perf_counter
    for line in sys.stdin:
        command, *words = line.split()
        if missing:
            answer = f"skip {missing}"
        elif command == "prepare":
            *_, threads, copies = numbers = [int(w) for w in words]
            # One thread is timed by what it ran, as the kernels are.
            clock = time.process_time if threads == 1 else time.perf_counter
            try:
                label, call = peer.prepare(*numbers)
                call()
                answer = f"ok {label}"
            except Exception as error:
                answer = f"skip {type(error).__name__}: {error}".replace("\n", " ")
        else:
            times, start = [], clock()
            while not times or clock() - start < float(words[0]):
                before = clock()
                call()
                times.append(clock() - before)
            answer = str(statistics.median(times) / copies)
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    main()
