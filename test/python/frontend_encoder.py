"""A small post-norm encoder (BERT's shape) as torch-mlir spells it, and the same in numpy.

Written out by hand after docs/Frontends.md's reading of real exports: linears as collapse + transpose +
matmul + broadcast bias + add + expand, LayerNorm with its variance in f64, softmax whose maximum has an
argmax, gathers with assertions in the body, erf GELU; half types extended around f32 matmuls.
"""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

HIDDEN, FEED, HEADS, VOCABULARY, LAYERS = 64, 128, 4, 50, 2
HEAD = HIDDEN // HEADS
NUMPY = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}


def weights(seed: int, dtype: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"embed": (VOCABULARY, HIDDEN)}
    for layer in range(LAYERS):
        for name in ("q", "k", "v", "o"):
            shapes[f"{layer}.{name}.weight"], shapes[f"{layer}.{name}.bias"] = (HIDDEN, HIDDEN), (HIDDEN,)
        shapes[f"{layer}.up.weight"], shapes[f"{layer}.up.bias"] = (FEED, HIDDEN), (FEED,)
        shapes[f"{layer}.down.weight"], shapes[f"{layer}.down.bias"] = (HIDDEN, FEED), (HIDDEN,)
        for norm in ("n1", "n2"):
            shapes[f"{layer}.{norm}.gamma"], shapes[f"{layer}.{norm}.beta"] = (HIDDEN,), (HIDDEN,)
    values = {}
    for name, shape in shapes.items():
        scale = 1.0 if name == "embed" else 0.2
        values[name] = (rng.standard_normal(shape) * scale + name.endswith("gamma")).astype(NUMPY[dtype])
    return values


class Emitter:
    def __init__(self, dtype: str, tokens: int | None):
        self.dtype, self.tokens = dtype, tokens
        self.lines: list[str] = []
        self.count = 0

    # -- text -------------------------------------------------------------------------------------
    def op(self, text: str) -> str:
        self.count += 1
        self.lines.append(f"  %{self.count} = {text}")
        return f"%{self.count}"

    def type(self, *shape, element: str | None = None) -> str:
        return "tensor<" + "x".join(str(d) if d else "?" for d in shape) + f"x{element or self.dtype}>"

    def empty(self, *shape, element=None) -> str:
        sizes = ", ".join("%tokens" for d in shape if not d)
        return self.op(f"tensor.empty({sizes}) : {self.type(*shape, element=element)}")

    def generic(self, inputs, shape, element, body, result, reduce=(), init=None) -> str:
        """`inputs`: (value, shape, element, map text); dimensions d0.. of `shape` plus reductions at the end."""
        loops = ", ".join(f"d{i}" for i in range(len(shape)))
        out = ", ".join("0" if i in reduce else f"d{i}" for i in range(len(shape)))
        out_shape = [1 if i in reduce else d for i, d in enumerate(shape)]
        maps = [f"affine_map<({loops}) -> ({m})>" for *_, m in inputs] + [f"affine_map<({loops}) -> ({out})>"]
        kinds = ", ".join('"reduction"' if i in reduce else '"parallel"' for i in range(len(shape)))
        init = init or self.empty(*out_shape, element=element)
        names = ", ".join(v for v, *_ in inputs)
        types = ", ".join(self.type(*s, element=e) for _, s, e, _ in inputs)
        arguments = ", ".join(f"%a{i}: {e}" for i, (_, _, e, _) in enumerate(inputs)) + f", %o: {element}"
        ty = self.type(*out_shape, element=element)
        return self.op(f"linalg.generic {{indexing_maps = [{', '.join(maps)}], iterator_types = [{kinds}]}} "
                       f"ins({names} : {types}) outs({init} : {ty}) {{\n  ^bb0({arguments}):\n    "
                       + "\n    ".join(body) + f"\n    linalg.yield {result} : {element}\n  }} -> {ty}")

    def fill(self, shape, element, constant) -> str:
        c = self.op(f"arith.constant {constant} : {element}")
        ty = self.type(*shape, element=element)
        return self.op(f"linalg.fill ins({c} : {element}) outs({self.empty(*shape, element=element)} : {ty}) -> {ty}")

    def constant(self, name: str, shape) -> str:
        return self.op(f'arith.constant dense_resource<"{name}"> : {self.type(*shape)}')

    def cast(self, value, shape, source, target) -> str:
        if source == target:
            return value
        kind = "extf" if source in ("f16", "bf16") or (source == "f32" and target == "f64") else "truncf"
        ident = ", ".join(f"d{i}" for i in range(len(shape)))
        return self.generic([(value, shape, source, ident)], shape, target, [f"%r = arith.{kind} %a0 : {source} to {target}"], "%r")

    # -- layers -----------------------------------------------------------------------------------
    def linear(self, x, name, n, k) -> str:
        t, s = self.tokens, self.dtype
        w = self.constant(f"{name}.weight", (n, k))
        wt = self.op(f"linalg.transpose ins({w} : {self.type(n, k)}) outs({self.empty(k, n)} : {self.type(k, n)}) permutation = [1, 0]")
        wt = self.cast(wt, (k, n), s, "f32")
        c = self.op(f"tensor.collapse_shape {x} [[0, 1], [2]] : {self.type(1, t, k)} into {self.type(t, k)}")
        c = self.cast(c, (t, k), s, "f32")
        b = self.cast(self.constant(f"{name}.bias", (n,)), (n,), s, "f32")
        y = self.op(f"linalg.matmul ins({c}, {wt} : {self.type(t, k, element='f32')}, {self.type(k, n, element='f32')}) "
                    f"outs({self.fill((t, n), 'f32', '0.0')} : {self.type(t, n, element='f32')}) -> {self.type(t, n, element='f32')}")
        b2 = self.generic([(b, (n,), "f32", "d1")], (t, n), "f32", [], "%a0")
        y = self.generic([(y, (t, n), "f32", "d0, d1"), (b2, (t, n), "f32", "d0, d1")], (t, n), "f32", ["%r = arith.addf %a0, %a1 : f32"], "%r")
        y = self.cast(y, (t, n), "f32", s)
        size = t or "%tokens"
        return self.op(f"tensor.expand_shape {y} [[0, 1], [2]] output_shape [1, {size}, {n}] : {self.type(t, n)} into {self.type(1, t, n)}")

    def elementwise(self, values, shape, body, element=None) -> str:
        ident = ", ".join(f"d{i}" for i in range(len(shape)))
        e = element or self.dtype
        return self.generic([(v, shape, e, ident) for v in values], shape, e, body, "%r")

    def norm(self, x, name) -> str:
        shape = (1, self.tokens, HIDDEN)
        row, ident, red = (1, self.tokens, 1), "d0, d1, d2", "d0, d1, 0"
        x32 = self.cast(x, shape, self.dtype, "f32")

        def mean(v, e):
            s = self.generic([(v, shape, e, ident)], shape, e, [f"%r = arith.addf %a0, %o : {e}"], "%r", reduce=(2,), init=self.fill(row, e, "0.0"))
            n = self.op(f"arith.constant {float(HIDDEN)} : {e}")
            return self.generic([(s, row, e, red)], row, e, [f"%r = arith.divf %a0, {n} : {e}"], "%r")

        x64 = self.cast(x32, shape, "f32", "f64")
        m64 = mean(x64, "f64")
        d64 = self.generic([(x64, shape, "f64", ident), (m64, row, "f64", red)], shape, "f64", ["%r = arith.subf %a0, %a1 : f64"], "%r")
        variance = self.cast(mean(self.elementwise([d64, d64], shape, ["%r = arith.mulf %a0, %a1 : f64"], "f64"), "f64"), row, "f64", "f32")
        centered = self.generic([(x32, shape, "f32", ident), (mean(x32, "f32"), row, "f32", red)], shape, "f32", ["%r = arith.subf %a0, %a1 : f32"], "%r")
        eps = self.op("arith.constant 1.0e-12 : f64")
        inverse = self.generic([(variance, row, "f32", red)], row, "f32",
                               [f"%e = arith.truncf {eps} : f64 to f32", "%s = arith.addf %a0, %e : f32", "%r = math.rsqrt %s : f32"], "%r")
        y = self.generic([(centered, shape, "f32", ident), (inverse, row, "f32", red)], shape, "f32", ["%r = arith.mulf %a0, %a1 : f32"], "%r")
        for suffix, op in (("gamma", "mulf"), ("beta", "addf")):
            v = self.cast(self.constant(f"{name}.{suffix}", (HIDDEN,)), (HIDDEN,), self.dtype, "f32")
            y = self.generic([(y, shape, "f32", ident), (v, (HIDDEN,), "f32", "d2")], shape, "f32", [f"%r = arith.{op} %a0, %a1 : f32"], "%r")
        return self.cast(y, shape, "f32", self.dtype)

    def heads(self, x) -> str:
        t = self.tokens
        y = self.op(f"tensor.expand_shape {x} [[0], [1], [2, 3]] output_shape [1, {t or '%tokens'}, {HEADS}, {HEAD}] : "
                    f"{self.type(1, t, HIDDEN)} into {self.type(1, t, HEADS, HEAD)}")
        ty = self.type(1, HEADS, t, HEAD)
        y = self.op(f"linalg.transpose ins({y} : {self.type(1, t, HEADS, HEAD)}) outs({self.empty(1, HEADS, t, HEAD)} : {ty}) permutation = [0, 2, 1, 3]")
        y = self.cast(y, (1, HEADS, t, HEAD), self.dtype, "f32")
        return self.op(f"tensor.collapse_shape {y} [[0, 1], [2], [3]] : {self.type(1, HEADS, t, HEAD, element='f32')} into {self.type(HEADS, t, HEAD, element='f32')}")

    def attention(self, x, layer) -> str:
        t = self.tokens
        q, k, v = (self.heads(self.linear(x, f"{layer}.{n}", HIDDEN, HIDDEN)) for n in "qkv")
        f = lambda *s: self.type(*s, element="f32")
        kt = self.op(f"linalg.transpose ins({k} : {f(HEADS, t, HEAD)}) outs({self.empty(HEADS, HEAD, t, element='f32')} : {f(HEADS, HEAD, t)}) permutation = [0, 2, 1]")
        s = self.op(f"linalg.batch_matmul ins({q}, {kt} : {f(HEADS, t, HEAD)}, {f(HEADS, HEAD, t)}) outs({self.fill((HEADS, t, t), 'f32', '0.0')} : {f(HEADS, t, t)}) -> {f(HEADS, t, t)}")
        scale = self.op(f"arith.constant {HEAD ** -0.5} : f64")
        shape, ident, row = (HEADS, t, t), "d0, d1, d2", (HEADS, t, 1)
        s = self.elementwise([s], shape, [f"%c = arith.truncf {scale} : f64 to f32", "%r = arith.mulf %a0, %c : f32"], "f32")
        maximum, where = self.fill(row, "f32", "0xFF800000"), self.fill(row, "i64", "0")
        loops = "d0, d1, d2"
        self.count += 1
        both = f"%{self.count}"
        self.lines.append(
            f"  {both}:2 = linalg.generic {{indexing_maps = [affine_map<({loops}) -> ({loops})>, affine_map<({loops}) -> (d0, d1, 0)>, "
            f"affine_map<({loops}) -> (d0, d1, 0)>], iterator_types = [\"parallel\", \"parallel\", \"reduction\"]}} ins({s} : {f(*shape)}) "
            f"outs({maximum}, {where} : {f(*row)}, {self.type(*row, element='i64')}) {{\n  ^bb0(%a0: f32, %o: f32, %i: i64):\n"
            "    %x = linalg.index 2 : index\n    %c = arith.index_cast %x : index to i64\n    %m = arith.maximumf %a0, %o : f32\n"
            "    %g = arith.cmpf ogt, %a0, %o : f32\n    %w = arith.select %g, %c, %i : i64\n"
            f"    linalg.yield %m, %w : f32, i64\n  }} -> ({f(*row)}, {self.type(*row, element='i64')})")
        d = self.generic([(s, shape, "f32", ident), (both + "#0", row, "f32", "d0, d1, 0")], shape, "f32", ["%r = arith.subf %a0, %a1 : f32"], "%r")
        e = self.elementwise([d], shape, ["%r = math.exp %a0 : f32"], "f32")
        total = self.generic([(e, shape, "f32", ident)], shape, "f32", ["%r = arith.addf %a0, %o : f32"], "%r", reduce=(2,), init=self.fill(row, "f32", "0.0"))
        p = self.generic([(e, shape, "f32", ident), (total, row, "f32", "d0, d1, 0")], shape, "f32", ["%r = arith.divf %a0, %a1 : f32"], "%r")
        y = self.op(f"linalg.batch_matmul ins({p}, {v} : {f(HEADS, t, t)}, {f(HEADS, t, HEAD)}) outs({self.fill((HEADS, t, HEAD), 'f32', '0.0')} : {f(HEADS, t, HEAD)}) -> {f(HEADS, t, HEAD)}")
        y = self.cast(y, (HEADS, t, HEAD), "f32", self.dtype)
        y = self.op(f"linalg.transpose ins({y} : {self.type(HEADS, t, HEAD)}) outs({self.empty(t, HEADS, HEAD)} : {self.type(t, HEADS, HEAD)}) permutation = [1, 0, 2]")
        y = self.op(f"tensor.expand_shape {y} [[0, 1], [2], [3]] output_shape [1, {t or '%tokens'}, {HEADS}, {HEAD}] : {self.type(t, HEADS, HEAD)} into {self.type(1, t, HEADS, HEAD)}")
        y = self.op(f"tensor.collapse_shape {y} [[0], [1], [2, 3]] : {self.type(1, t, HEADS, HEAD)} into {self.type(1, t, HIDDEN)}")
        return self.linear(y, f"{layer}.o", HIDDEN, HIDDEN)

    def gelu(self, x) -> str:
        shape = (1, self.tokens, FEED)
        y = self.elementwise([self.cast(x, shape, self.dtype, "f32")], shape,
                             ["%c = arith.constant 1.41421354 : f32", "%one = arith.constant 1.0 : f32", "%h = arith.constant 0.5 : f32",
                              "%d = arith.divf %a0, %c : f32", "%e = math.erf %d : f32", "%s = arith.addf %e, %one : f32",
                              "%m = arith.mulf %s, %h : f32", "%r = arith.mulf %a0, %m : f32"], "f32")
        return self.cast(y, shape, "f32", self.dtype)

    def module(self, values: dict[str, np.ndarray]) -> str:
        t, shape = self.tokens, (1, self.tokens, HIDDEN)
        table = self.constant("embed", (VOCABULARY, HIDDEN))
        x = self.generic([("%ids", (1, t), "i64", "d0, d1")], shape, self.dtype,
                         [f"%n = arith.constant {VOCABULARY} : i64", "%ok = arith.cmpi slt, %a0, %n : i64",
                          'cf.assert %ok, "index must be smaller than dim size"', "%j = linalg.index 2 : index",
                          "%i = arith.index_cast %a0 : i64 to index", f"%r = tensor.extract {table}[%i, %j] : {self.type(VOCABULARY, HIDDEN)}"], "%r")
        add = [f"%r = arith.addf %a0, %a1 : {self.dtype}"]
        for layer in range(LAYERS):
            x = self.norm(self.elementwise([self.attention(x, layer), x], shape, add), f"{layer}.n1")
            h = self.linear(self.gelu(self.linear(x, f"{layer}.up", FEED, HIDDEN)), f"{layer}.down", HIDDEN, FEED)
            x = self.norm(self.elementwise([h, x], shape, add), f"{layer}.n2")
        blobs = ",\n".join(f'      "{n}": "0x04000000{v.tobytes().hex().upper()}"' for n, v in values.items())
        size = "" if t else f"  %dim1 = arith.constant 1 : index\n  %tokens = tensor.dim %ids, %dim1 : {self.type(1, t, element='i64')}\n"
        return (f"func.func @main(%ids: {self.type(1, t, element='i64')}) -> {self.type(*shape)} {{\n{size}" + "\n".join(self.lines)
                + f"\n  return {x} : {self.type(*shape)}\n}}\n{{-#\n  dialect_resources: {{\n    builtin: {{\n{blobs}\n    }}\n  }}\n#-}}\n")


def forward(values: dict[str, np.ndarray], ids: np.ndarray) -> np.ndarray:
    """The same network in float64: the oracle."""
    w = {k: v.astype(np.float64) for k, v in values.items()}
    linear = lambda x, n: x @ w[f"{n}.weight"].T + w[f"{n}.bias"]

    def norm(x, n):
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12) * w[f"{n}.gamma"] + w[f"{n}.beta"]

    x = w["embed"][ids[0]]
    for layer in range(LAYERS):
        q, k, v = (linear(x, f"{layer}.{n}").reshape(-1, HEADS, HEAD).transpose(1, 0, 2) for n in "qkv")
        s = q @ k.transpose(0, 2, 1) * HEAD**-0.5
        p = np.exp(s - s.max(-1, keepdims=True))
        y = (p / p.sum(-1, keepdims=True)) @ v
        x = norm(linear(y.transpose(1, 0, 2).reshape(-1, HIDDEN), f"{layer}.o") + x, f"{layer}.n1")
        h = linear(x, f"{layer}.up")
        h = h * (1 + np.vectorize(math.erf)(h / 2**0.5)) / 2
        x = norm(linear(h, f"{layer}.down") + x, f"{layer}.n2")
    return x[None]
