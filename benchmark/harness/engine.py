"""Engines are processes that answer a line for a line: see fptq-kernel-bench.cpp and peers/serve.py.

Only the one that is asked runs. The others are stopped by a signal: thread pools spin for a while after each call, and
would be measured as slowness of whoever comes next.
"""

import os
import pathlib
import signal
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("FPTQ_BUILD", ROOT / "build"))
PEERS = BUILD / "peers"


class Absent(Exception):
    """This engine cannot do what was asked; the reason is the message."""


class Engine:
    def __init__(self, name, command, environment=()):
        self.name = name
        self.process = subprocess.Popen(
            [str(c) for c in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | dict(environment),
        )
        self.process.send_signal(signal.SIGSTOP)

    def ask(self, *words):
        """The answer to a line. Raises Absent."""
        return self.listen(" ".join(map(str, words)) + "\n")

    def listen(self, line=""):
        """The next line that it writes, after it was sent one."""
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
            answer = self.process.stdout.readline().strip()
        except BrokenPipeError:
            answer = ""
        self.process.send_signal(signal.SIGSTOP)
        if not answer:
            raise Absent(f"{self.name} ended with status {self.process.poll()}")
        if answer.startswith("skip"):
            raise Absent(answer[5:])
        return answer

    def number(self, *words):
        return float(self.ask(*words))

    def close(self):
        """Ends the process: its weights, gigabytes perhaps, go with it."""
        self.process.kill()
        self.process.wait()


def kernels(name):
    program = BUILD / "bin" / "fptq-kernel-bench"
    if not program.exists():
        raise SystemExit(f"benchmark: {program} is not there; build it first (tools/dev/setup)")
    return Engine(name, [program])


def best_tier():
    return subprocess.run(
        [BUILD / "bin" / "fptq-kernel-bench", "--tier"], capture_output=True, text=True
    ).stdout.strip()


class Peers:
    """The peers that are installed, each started once for each number of threads."""

    MODULES = ("ort", "openvino", "ggml", "torchao")

    def __init__(self, wanted):
        self.engines, self.absent = {}, {}
        python = PEERS / "bin" / "python"
        commands = {name: [python, ROOT / "benchmark" / "peers" / "serve.py", name] for name in self.MODULES}
        commands["onednn"] = [PEERS / "bin" / "onednn-peer"]
        for name, command in commands.items():
            if name not in wanted:
                continue
            if not command[0].exists():
                self.drop(name, f"{command[0].name} is not there; benchmark/install-peers")
            else:
                self.engines[name] = command
        self.started = {}

    def drop(self, name, reason):
        """Says once why a peer is left out."""
        if name not in self.absent:
            self.absent[name] = reason
            print(f"skipped: {name}: {reason}", flush=True)

    def get(self, name, threads):
        if (name, threads) not in self.started:
            environment = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
            self.started[name, threads] = Engine(name, self.engines[name], environment)
        return self.started[name, threads]

    def prepare(self, threads, m, n, k, group, copies):
        """{label: engine} of all that can do it; a label names the format that runs."""
        ready = {}
        for name in list(self.engines):
            try:
                engine = self.get(name, threads)
                label = engine.ask("prepare", m, n, k, group, threads, copies)[3:]
                ready[label or name] = engine
            except Absent as reason:
                self.drop(name, str(reason))
                if engine.process.poll() is not None:
                    del self.engines[name]
        return ready

    def close(self):
        for engine in self.started.values():
            engine.close()
        self.started.clear()
