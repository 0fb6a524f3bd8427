"""The others that a run compares with."""

from . import engine, tiers

MODULES = ("ort", "openvino", "ggml", "torchao")
NAMES = (*MODULES, "onednn")


class Peers:
    """The peers that are installed and can be held to the tier, each started once for each number of threads."""

    def __init__(self, wanted, tier, best):
        self.engines, self.absent, self.started = {}, {}, {}
        self.environment = tiers.environment(tier, best)
        self.suffix = "" if tier == best else f" ({tier})"
        serve = engine.ROOT / "benchmark" / "peers" / "serve.py"
        commands = {name: [engine.PEERS / "bin" / "python", serve, name] for name in MODULES}
        commands["onednn"] = [engine.PEERS / "bin" / "onednn-peer"]
        for name in NAMES:
            command = commands[name]
            if name not in wanted:
                continue
            if not command[0].exists():
                self.drop(name, f"{command[0]} is not there; benchmark/install-peers")
            elif reason := tiers.obstacle(name, tier, best):
                self.drop(name, reason)
            else:
                self.engines[name] = command

    def drop(self, name, reason):
        """Says once why a peer is left out."""
        if name not in self.absent:
            self.absent[name] = reason
            print(f"skipped: {name}: {reason}", flush=True)

    def get(self, name, threads):
        if (name, threads) not in self.started:
            environment = self.environment | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
            self.started[name, threads] = engine.Engine(name, self.engines[name], environment)
        return self.started[name, threads]

    def prepare(self, threads, m, n, k, group, copies):
        """{label: engine} of all that can do it; a label names the format that runs, and the tier it is held to."""
        ready = {}
        for name in list(self.engines):
            peer = self.get(name, threads)
            try:
                label = peer.ask("prepare", m, n, k, group, threads, copies)[3:]
                ready[(label or name) + self.suffix] = peer
            except engine.Absent as reason:
                self.drop(name, str(reason))
                if peer.process.poll() is not None:
                    del self.engines[name]
        return ready

    def close(self):
        for peer in self.started.values():
            peer.close()
        self.started.clear()
