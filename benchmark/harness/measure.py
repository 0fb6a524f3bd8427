"""One cell: one shape, group size and number of rows, all engines in turns."""

import statistics

from . import engine
from .peers import Peers

SCHEMES = ("group", "two-level")
IN_L1 = 1024  # input channels of which a row and some panels fit


class Bench:
    """The engines of a run."""

    def __init__(self, tier, best, peers, rounds, seconds):
        """`best`: the machine's best tier; peers are held to `tier` where that is another."""
        self.tier, self.rounds, self.seconds = tier, rounds, seconds
        self.peers = Peers(peers, tier, best)
        self.own = {}
        self.peaks = {}

    def kernels(self, scheme, threads):
        if (scheme, threads) not in self.own:
            self.own[scheme, threads] = engine.kernels(f"{scheme} {threads}")
        return self.own[scheme, threads]

    def close(self):
        """Ends all engines; the next cell starts them again."""
        for e in self.own.values():
            e.close()
        self.own.clear()
        self.peers.close()

    def limits(self, scheme, group, m, copies, size, threads):
        """(GOPS per GB/s of reading, [what to ask the meter])."""
        tier = "avx512vnni" if self.tier == "amx-int8" and m < 16 else self.tier
        stream = [("stream", tier, IN_L1, 0, threads)] if m == 1 else [("dots", tier, scheme, group, threads)]
        read = [("read", size * copies, threads)] if m < 64 else []
        return stream + read

    def cell(self, n, k, group, m, threads_list, copies=1, schemes=SCHEMES, with_peers=True):
        """{(scheme, threads): measurement}; a measurement has lists, one entry a round."""
        ops = 2e-9 * m * n * k
        engines, results, sizes = {}, {}, {}
        for threads in threads_list:
            for scheme in schemes:
                e = self.kernels(scheme, threads)
                try:
                    answer = e.ask("prepare", self.tier, scheme, group, m, n, k, threads, copies)
                except engine.Absent as reason:
                    raise SystemExit(f"benchmark: {self.tier} {scheme} g{group}: {reason}") from None
                sizes[scheme] = int(answer.split()[1])
                engines[scheme, threads] = {scheme: e}
                results[scheme, threads] = {"gops": [], "limit": [], "peak": [], "bare": [], "peers": {}}
            peers = self.peers.prepare(threads, m, n, k, group, copies) if with_peers else {}
            for label in peers:
                for scheme in schemes:
                    results[scheme, threads]["peers"][label] = []
            engines["peers", threads] = peers
        for _ in range(self.rounds):
            for threads in threads_list:
                self._round(engines, results, sizes, ops, group, m, k, copies, threads, schemes)
        return results

    def _round(self, engines, results, sizes, ops, group, m, k, copies, threads, schemes):
        for scheme in schemes:
            r = results[scheme, threads]
            r["gops"].append(ops / engines[scheme, threads][scheme].number("time", self.seconds))
            bounds = []
            for question in self.limits(scheme, group, m, copies, sizes[scheme], threads):
                value = self.kernels("meter", 1).number(*question)
                self._peak(question, value)
                bounds.append(ops / (sizes[scheme] * 1e-9) * value if question[0] == "read" else value)
            r["limit"].append(min(bounds))
            r["peak"].append(bounds[0])
            if m == 1:
                tier = "avx512vnni" if self.tier == "amx-int8" else self.tier
                question = ("stream", tier, k, sizes[scheme] * copies, threads)
                r["bare"].append(self.kernels("meter", 1).number(*question))
        for label, peer in engines["peers", threads].items():
            try:
                gops = ops / peer.number("time", self.seconds)
            except engine.Absent as reason:
                self.peers.drop(label, str(reason))
                gops = 0.0
            for scheme in schemes:
                results[scheme, threads]["peers"][label].append(gops)

    def _peak(self, question, value):
        command, *words, threads = question
        if command == "read":
            words = ["l3" if words[0] < 100e6 else "dram"]
        elif command == "stream":
            words = [words[0], "l1"]
        self.peaks.setdefault("_".join(map(str, [command, *words, threads])), []).append(value)


def ratio(a, b):
    """Median over rounds of a / b: both of a round saw the same machine."""
    return statistics.median(x / y if y else 0.0 for x, y in zip(a, b, strict=True))
