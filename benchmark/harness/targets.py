"""What a row has to reach: the table of docs/Performance.md, as data.

A row holds if it meets every target set for it, so one without a target holds.
"""

import dataclasses


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


PEAK_SHARE = {  # M = 64..512: share of the tier's register peak (amx-int8: with tile reloads)
    ("avx2", "group", 128): 0.85,
    ("avx2", "two-level", 32): 0.80,
    ("avx512vnni", "group", 128): 0.78,
    ("amx-int8", "two-level", 128): 0.60,
    ("amx-int8", "two-level", 32): 0.60,
    ("amx-int8", "group", 128): 0.30,
}


def of(row, speedup=None, slower_than_one_row=None, dot_bound=None, w8a8=None):
    """Targets of a row. `speedup`: two threads against one. `slower_than_one_row`: time against that of M = 1.
    `dot_bound`: the shortest time that the register peak allows, against that of M = 1. `w8a8`: ratio to oneDNN."""
    tier, m, cold = row["tier"], row["m"], row["resident"] == "dram"
    share, ratio = row["share_of_limit"], row["ratio_to_best_peer"]
    targets = []

    def want(name, limit, value):
        targets.append(Target(name, limit, value))

    def beat_peers(limit):
        if ratio is not None:
            want("ratio to best peer", limit, ratio)

    if m == 1 and cold:
        want("share of read loop", 0.85 if tier == "avx2" else 0.95, share)
        if tier == "avx2":
            beat_peers(1.0)
    elif m == 1:
        want("share of read loop", 0.95, share)
        beat_peers(1.2)
    elif m == 4:
        if tier == "avx512vnni" and slower_than_one_row:
            # Four rows cannot take less time than their dot products: where those are the limit, 1.15 times them.
            want("M = 1 against M = 4", 1 / 1.15, max(1.0, dot_bound or 0) / slower_than_one_row)
        beat_peers(1.5)
    elif m >= 64:
        limit = PEAK_SHARE.get((tier, row["scheme"], row["group_size"]))
        if limit:
            want("share of peak", limit, share)
            if tier == "avx2":
                beat_peers(1.6)
            if tier == "amx-int8" and row["scheme"] == "two-level" and w8a8 is not None:
                want("ratio to oneDNN W8A8", 1.0, w8a8)
    if row["threads"] == 2 and m >= 4 and speedup is not None:
        want("two threads against one", 1.8, speedup)
    return targets
