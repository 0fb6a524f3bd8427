"""What a row has to reach: the table of docs/Performance.md, as data.

A row holds if it meets every target set for it, so one without a target holds.
"""

import dataclasses

from . import tiers


@dataclasses.dataclass
class Target:
    name: str
    limit: float
    value: float | None

    @property
    def holds(self):
        return self.value is not None and self.value >= self.limit

    def json(self):
        return {"name": self.name, "limit": self.limit, "value": self.value, "holds": self.holds}


DESKTOP = ("avx2", "avxvnni")  # tiers of 256 bits
REACHABLE = 0.78  # share of the register peak

PEAK_SHARE = {  # M = 64..512: share of the tier's register peak (amx-int8: with tile reloads)
    ("avx2", "group", 128): 0.85,
    ("avx2", "two-level", 32): 0.80,
    ("avxvnni", "group", 128): 0.85,
    ("avxvnni", "two-level", 32): 0.80,
    ("avx512vnni", "group", 128): 0.78,
    ("amx-int8", "two-level", 128): 0.60,
    ("amx-int8", "two-level", 32): 0.60,
    ("amx-int8", "group", 128): 0.30,
}


def of(row, dot_peak, speedup=None, slower_than_one_row=None, w8a8=None):
    """Targets of a row. `dot_peak`: GOPS in registers. `speedup`: two threads against one. `slower_than_one_row`: time
    against that of M = 1. `w8a8`: ratio to oneDNN."""
    tier, m, cold = tiers.instructions(row["tier"]), row["m"], row["resident"] == "dram"
    share, ratio = row["share_of_limit"], row["ratio_to_best_peer"]
    targets = []

    def want(name, limit, value):
        if all(t.name != name for t in targets):
            targets.append(Target(name, limit, value))

    def beat_peers(limit):
        """No peer can be beaten by more than the register peak allows: where it is so near that the ratio would take more
        of the peak than is asked of many rows, that share is the target."""
        if ratio:
            peer = row["gops"] / ratio
            if limit * peer > REACHABLE * dot_peak:
                want("share of peak", REACHABLE, row["gops"] / dot_peak)
            else:
                want("ratio to best peer", limit, ratio)

    if m == 1 and cold:
        want("share of read loop", 0.85 if tier in DESKTOP else 0.95, share)
        if tier in DESKTOP:
            beat_peers(1.0)
    elif m == 1:
        want("share of read loop", 0.95, share)
        beat_peers(1.2)
    elif m == 4:
        if tier == "avx512vnni" and slower_than_one_row:
            at_peak = slower_than_one_row * row["gops"] / dot_peak
            if at_peak > 1.15:  # four rows of dot products take longer than that at the peak already
                want("share of peak", REACHABLE, row["gops"] / dot_peak)
            else:
                want("M = 1 against M = 4", 1 / 1.15, 1 / slower_than_one_row)
        beat_peers(1.5)
    elif m >= 64:
        limit = PEAK_SHARE.get((tier, row["scheme"], row["group_size"]))
        if limit:
            want("share of peak", limit, share)
            if tier in DESKTOP:
                beat_peers(1.6)
            if tier == "amx-int8" and row["scheme"] == "two-level" and w8a8 is not None:
                want("ratio to oneDNN W8A8", 1.0, w8a8)
    if row["threads"] == 2 and m >= 4 and speedup is not None:
        want("two threads against one", 1.8, speedup)
    return targets
