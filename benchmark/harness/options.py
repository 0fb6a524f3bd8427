"""What the programs here are asked for: what they cannot do is said before anything is measured."""

import argparse
import os
import pathlib
import re

from . import engine, peers, tiers

SHAPES = ["4096x4096", "11008x4096", "4096x11008"]
ROWS = [1, 4, 16, 64, 256, 512]
PARTS = ("l3", "dram", "sweep")


def positive(text):
    if not re.fullmatch(r"[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"{text}: want a positive number")
    return int(text)


def numbers(text):
    """1,4,64"""
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", text):
        raise argparse.ArgumentTypeError(f"{text}: want positive numbers, as in 1,4,64")
    return [int(x) for x in text.split(",")]


def some_of(names):
    """A comma-separated list of some of `names`."""

    def parse(text):
        if bad := [x for x in text.split(",") if x not in names]:
            raise argparse.ArgumentTypeError(f"{bad[0]}: want some of {','.join(names)}")
        return text.split(",")

    return parse


def shape(text):
    if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"{text}: want NxK")
    return text


def output(text):
    """A file that can be written once all is measured."""
    path = pathlib.Path(text)
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text}: no file can be written there")
    return path


def arguments(description):
    """Those of benchmark/run."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="one shape, fewer M, three rounds, no M sweep")
    parser.add_argument("--m", type=numbers, help="rows, as in 1,4,64")
    parser.add_argument("--shape", type=shape, action="append", help="NxK; may be repeated")
    parser.add_argument("--threads", type=numbers, help="as in 1,2")
    parser.add_argument("--tier", choices=tiers.TIERS, help="default: the best of this machine; peers are held to it")
    parser.add_argument("--group", type=numbers, default=[128, 32], help="group sizes")
    parser.add_argument(
        "--peers",
        type=some_of(("none", *peers.NAMES)),
        default=peers.NAMES,
        help=f"which to look for, of {','.join(peers.NAMES)}; 'none': none",
    )
    parser.add_argument(
        "--parts", type=some_of(PARTS), help="of l3, dram, sweep; default: l3 if --m or --shape is given, else all"
    )
    parser.add_argument("--json", type=output, help="write a report")
    o = parser.parse_args()
    o.parts = o.parts or (["l3"] if o.m or o.shape else ["l3", "dram"] if o.quick else PARTS)
    o.shape = o.shape or (SHAPES[:1] if o.quick else SHAPES)
    o.m = o.m or ([1, 4, 64, 256] if o.quick else ROWS)
    o.threads = o.threads or list(range(1, min(2, os.cpu_count()) + 1))
    o.best = engine.best_tier()
    o.tier = o.tier or o.best
    if o.tier not in tiers.TIERS:
        parser.error(f"no kernels are generated for this machine: {engine.lacks('avx2')}")
    if reason := engine.lacks(o.tier):
        parser.error(f"--tier {o.tier}: this machine does not run it: {reason}")
    return o
