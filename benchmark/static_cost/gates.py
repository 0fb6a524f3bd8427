"""What each class of kernels must reach, as data.

The limits are those of the hand-written kernels that reached the machine's limits on real hardware, tightened where the
generated ones do better. Two-level kernels for few rows have limits of their own: each group's multiplier and offset is
applied in vectors, where the group scheme converts and scales. A gate says that code can be fast; only hardware says
that it is.
"""

LESS = {  # metrics that are better when smaller; all others are better when larger
    "instructions",
    "instructions_per_dot",
    "vector_per_dot",
    "loads_per_dot",
    "stores_per_dot",
    "vector_stack_accesses_per_dot",
    "inner_stack_accesses",
}

GROUPS = (128, 64, 32)
# (kernel class, scheme): metric -> limit for groups of 128, 64, 32.
_TABLE = {
    # One row waits for memory: a processor that streams weights needs 15 % of its peak.
    ("vnni 1", "group"): {"vector_per_dot": (2.3, 2.5, 2.9), "best_overlap_percent": (43, 40, 35)},
    ("vnni 1", "two_level"): {"vector_per_dot": (2.4, 2.65, 3.2), "best_overlap_percent": (41, 37, 31)},
    # Not instructions: a broadcast within each dot is one less, and a load more that two panels could have shared.
    ("vnni 4", "group"): {"best_overlap_percent": (68, 64, 58), "no_overlap_percent": (43, 41, 37)},
    ("vnni 4", "two_level"): {"best_overlap_percent": (65, 59, 50), "no_overlap_percent": (41, 38, 33)},
    # Register tiles over a slab: two dots a cycle in the innermost loop, and little around it.
    ("vnni slab", "group"): {
        # Zen: tiles of 3 rows in groups up to 64: more loads a dot, no results in memory between groups.
        "scheduled_dots_per_cycle": (1.95, 1.8, 1.8),
        "instructions_per_dot": (1.75, 2.15, 2.45),
        "best_overlap_percent": (90, 85, 77),
        "vector_stack_accesses_per_dot": (0.03, 0.03, 0.03),
    },
    ("vnni slab", "two_level"): {
        "scheduled_dots_per_cycle": (1.95, 1.95, 1.95),
        "instructions_per_dot": (1.75, 1.76, 1.78),
        "best_overlap_percent": (90, 90, 90),
        "vector_stack_accesses_per_dot": (0.03, 0.03, 0.03),
    },
    # Tile multiplies are the limiting port, and their operands come once each.
    # Float scales: 64 vectors of sums are stored, loaded, converted and added for each group, be it two steps of tiles
    # (128), one (64) or half a one (32, whose products fill half of a tile): no more than 36, 25 and 12 % is possible.
    ("amx block", "group"): {"no_overlap_percent": (25, 18, 9.5), "simulated_percent": (33, 25, 15.5)},
    # The multipliers and offsets of short groups are loads too.
    ("amx block", "two_level"): {
        "best_overlap_percent": (100, 100, 100),
        "no_overlap_percent": (42, 42, 42),
        "simulated_percent": (37.5, 37.5, 37),
        "loads_per_dot": (21, 21, 21.5),
    },
    # Shares of a peak of three vector instructions in two cycles; wide sums live in L1: stack accesses count nothing.
    ("avx2 1", "group"): {"vector_per_dot": (3.9, 4.05, 4.3), "best_overlap_percent": (50, 48, 46)},
    ("avx2 1", "two_level"): {"vector_per_dot": (4.3, 4.45, 4.7), "best_overlap_percent": (46, 45, 42)},
    ("avx2 4", "group"): {"best_overlap_percent": (73, 71, 67)},
    ("avx2 4", "two_level"): {"best_overlap_percent": (70, 68, 65)},
    ("avx2 slab", "group"): {"best_overlap_percent": (85, 82, 78)},
    ("avx2 slab", "two_level"): {"best_overlap_percent": (84, 82, 78)},
    # Sums of 32 bits in the same registers: two dots a cycle, unpacking on the third port.
    ("avxvnni 1", "group"): {"best_overlap_percent": (64, 60, 52)},
    ("avxvnni 1", "two_level"): {"best_overlap_percent": (61, 55, 46)},
    ("avxvnni 4", "group"): {"best_overlap_percent": (82, 77, 70)},
    ("avxvnni 4", "two_level"): {"best_overlap_percent": (82, 78, 71)},
    ("avxvnni slab", "group"): {"scheduled_dots_per_cycle": (1.95, 1.95, 1.95), "best_overlap_percent": (92, 87, 78)},
    ("avxvnni slab", "two_level"): {
        "scheduled_dots_per_cycle": (1.95, 1.95, 1.95),
        "best_overlap_percent": (95, 95, 95),
    },
}


def kernel_class(tier, scheme, group, m):
    if tier in ("avx2", "avxvnni"):
        rows = "1" if m == 1 else "4" if m in (4, 5, 6) else "slab" if m >= 48 else None
        return rows and f"{tier} {rows}"
    if tier == "amx-int8" and m >= 18:
        return "amx block" if m >= 128 else None
    return "vnni 1" if m == 1 else "vnni 4" if m == 4 else "vnni slab" if m >= 48 else None


def of(tier, scheme, group, m):
    """[(metric, limit)] of one kernel."""
    limits = _TABLE.get((kernel_class(tier, scheme, group, m), scheme), {})
    return [("inner_stack_accesses", 0)] + [(metric, by[GROUPS.index(group)]) for metric, by in limits.items()]


def meets(value, metric, limit):
    return value <= limit if metric in LESS else value >= limit
