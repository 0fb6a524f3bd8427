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


def program(name="fptq-kernel-bench"):
    path = BUILD / "bin" / name
    if not path.exists():
        raise SystemExit(f"benchmark: {path} is not there; build it first (tools/dev/setup)")
    return path


def kernels(name):
    return Engine(name, [program()])


def best_tier():
    return subprocess.run([program(), "--tier"], capture_output=True, text=True).stdout.strip()


def lacks(tier):
    """What this machine lacks for a tier; empty where it has it."""
    return subprocess.run([program(), "--lacks", tier], capture_output=True, text=True).stdout.strip()
