"""A decoder, a Llama with whatever features families.py knows, as linalg on tensors with external weights.

Public functions, with a KV cache that is updated in place:

    @prefill(tokens: tensor<?xi32>, position: index, k0, v0, k1, v1, ...) -> (logits [?, V], k0, v0, ...)
    @prompt: as @prefill, but -> (logits [1, V] of the last token, k0, v0, ...)
    @decode(token: tensor<1xi32>, position: index, k0, v0, k1, v1, ...) -> (logits [1, V], k0, v0, ...)

k and v of a layer are tensor<KV x S x HD>, already rotated, of f32 or of f16: half the bytes to read for each token.
Every layer is a private function of its own for each mode: bufferization takes quadratic time in a function's size.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from quant_fptq.errors import FptqError
from quant_fptq.importer import safetensors
from quant_fptq.importer.builder import Builder, Size, Value, tensor_type
from quant_fptq.importer.checkpoint import EMBEDDING, FINAL_NORM, HEAD, Checkpoint, layer_of
from quant_fptq.importer.rotary import rotary_tables
from quant_fptq.importer.stored import Array, StoredWeight
from quant_fptq.output import write_text

_ELEMENTS = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "uint8": "i8", "int8": "i8", "int32": "i32"}
#: Element types of a KV cache.
CACHES = ("f32", "f16")
COSINES, SINES = "rotary.cosines", "rotary.sines"
#: Those of layers that rotate by frequencies of their own.
LOCAL_COSINES, LOCAL_SINES = "rotary.local.cosines", "rotary.local.sines"

#: What the gate is multiplied by, %r of the gate %a0; fptq-fuse-activations knows both.
_GATES = {
    "silu": ["%one = arith.constant 1.0 : f32", "%n = arith.negf %a0 : f32", "%e = math.exp %n : f32",
             "%d = arith.addf %e, %one : f32", "%r = arith.divf %one, %d : f32"],
    "gelu_tanh": ["%one = arith.constant 1.0 : f32", "%half = arith.constant 0.5 : f32",
                  "%linear = arith.constant 7.978845608e-01 : f32", "%cubic = arith.constant 4.471500000e-02 : f32",
                  "%square = arith.mulf %a0, %a0 : f32", "%cube = arith.mulf %square, %a0 : f32",
                  "%share = arith.mulf %cube, %cubic : f32", "%sum = arith.addf %a0, %share : f32",
                  "%z = arith.mulf %sum, %linear : f32", "%t = math.tanh %z : f32",
                  "%shifted = arith.addf %t, %one : f32", "%r = arith.mulf %shifted, %half : f32"],
}


class _Function:
    """What both modes share: the number of tokens is dynamic in prefill and 1 in decode."""

    def __init__(self, checkpoint: Checkpoint, prefill: bool, cache: str) -> None:
        self.checkpoint, self.config, self.prefill, self.cache = checkpoint, checkpoint.config, prefill, cache
        self.b = Builder()
        self.m: Size = 1
        self.length: Size = "%length"

    def start(self, tokens: Value) -> None:
        """Names the number of tokens and the number of cached positions after them."""
        b = self.b
        if self.prefill:
            b.line("%zero = arith.constant 0 : index")
            b.line(f"%m = tensor.dim {tokens.name}, %zero : {tokens.type}")
            self.m = "%m"
        else:
            b.line("%m = arith.constant 1 : index")
        b.line("%length = arith.addi %position, %m : index")

    def load(self, name: str, array: Array | StoredWeight) -> Value:
        """The external tensor `name`, whose shape and element type are those of `array`."""
        element = _ELEMENTS[array.dtype.name]
        type_ = tensor_type(array.shape, element)
        return self.b.emit(f'ml_program.global_load_const @"{name}" : {type_}', array.shape, element)

    def weight(self, name: str) -> Value:
        """The weight as stored; halves are widened where they are used."""
        return self.load(name, self.checkpoint.tensors[name].array)

    def dequantized(self, name: str, stored: StoredWeight) -> Value:
        """A weight that came as codes, columns in the codes' order."""
        parts = {suffix: self.load(f"{layer_of(name)}.{suffix}", array) for suffix, array in stored.parts()}
        optional = "".join(f" {suffix}({parts[suffix].name})" for suffix in ("zeros", "offsets") if suffix in parts)
        return self.b.emit(f"fptq.dequantize {parts['codes'].name}, {parts['scales'].name}{optional} bits({stored.bits}) "
                           f"group_size({stored.group_size}) : ({', '.join(v.type for v in parts.values())}) -> "
                           f"{tensor_type(stored.shape)}", stored.shape)

    def gathered(self, x: Value, name: str, order: np.ndarray) -> Value:
        """x's channels in the order in which the codes of an act-order checkpoint were made."""
        b = self.b
        channels = self.load(f"{layer_of(name)}.order", order)
        body = ["%i = linalg.index 0 : index", "%j = arith.index_cast %a0 : i32 to index",
                f"%r = tensor.extract {x.name}[%i, %j] : {x.type}"]
        return b.generic("mk", [(channels, "k")], (b.empty(x.sizes), "mk"), body, "%r")

    def widened(self, name: str) -> Value:
        """The weight in f32, through an `extf` generic if it is stored as half."""
        weight = self.weight(name)
        if weight.element == "f32":
            return weight
        letters = "nk"[: len(weight.sizes)]
        return self.b.generic(letters, [(weight, letters)], (self.b.empty(weight.sizes), letters),
                              [f"%r = arith.extf %a0 : {weight.element} to f32"], "%r")

    def rounded(self, x: Value, scale: float) -> Value:
        """x as int8 codes of a static scale stand for it: `fptq-raise` makes it the layer's policy."""
        body = [f"%s = arith.constant {scale:.9e} : f32", "%low = arith.constant -128.0 : f32",
                "%high = arith.constant 127.0 : f32", "%d = arith.divf %a0, %s : f32", "%q = math.roundeven %d : f32",
                "%l = arith.maximumf %q, %low : f32", "%c = arith.minimumf %l, %high : f32",
                "%r = arith.mulf %c, %s : f32"]
        return self.b.generic("mk", [(x, "mk")], (self.b.empty(x.sizes), "mk"), body, "%r")

    def linear(self, x: Value, name: str) -> Value:
        y, bias = self.product(x, name), f"{layer_of(name)}.bias"
        if bias not in self.checkpoint.tensors:
            return y
        return self.b.generic("mn", [(y, "mn"), (self.widened(bias), "n")], (self.b.empty(y.sizes), "mn"),
                              ["%r = arith.addf %a0, %a1 : f32"], "%r")

    def product(self, x: Value, name: str) -> Value:
        stored = self.checkpoint.tensors[name].stored
        scale = self.checkpoint.input_scales.get(layer_of(name))
        if scale is not None:
            x = self.rounded(x, scale)
        if stored is None:
            return self.b.matmul_transposed(x, self.widened(name))
        if stored.order is not None:
            x = self.gathered(x, name, stored.order)
        return self.b.matmul_transposed(x, self.dequantized(name, stored))

    def norm(self, x: Value, name: str) -> Value:
        """RMSNorm of the last dimension; gamma is a multiplication of its own, into which equalization folds its
        scales."""
        b, rows, d = self.b, x.sizes[:-1], x.sizes[-1]
        outer = "mh"[: len(rows)]
        all_ = outer + "d"
        squares = b.generic(all_, [(x, all_)], (b.empty(x.sizes), all_), ["%r = arith.mulf %a0, %a0 : f32"], "%r")
        total = b.generic(all_, [(squares, all_)], (b.fill("0.0", rows), outer), ["%r = arith.addf %a0, %o : f32"],
                          "%r", reduced="d")
        body = [f"%n = arith.constant {float(d):e} : f32",
                f"%eps = arith.constant {self.config.rms_norm_eps:e} : f32",
                "%mean = arith.divf %a0, %n : f32", "%sum = arith.addf %mean, %eps : f32", "%r = math.rsqrt %sum : f32"]
        inverse = b.generic(outer, [(total, outer)], (b.empty(rows), outer), body, "%r")
        unit = b.generic(all_, [(x, all_), (inverse, outer)], (b.empty(x.sizes), all_),
                         ["%r = arith.mulf %a0, %a1 : f32"], "%r")
        return b.generic(all_, [(self.widened(name), "d"), (unit, all_)], (b.empty(x.sizes), all_),
                         ["%r = arith.mulf %a0, %a1 : f32"], "%r")

    def add(self, x: Value, y: Value) -> Value:
        """x + y, y scaled, in x's own buffer."""
        body, summand = _scaled("%a0", self.config.residual_scale)
        return self.b.generic("md", [(y, "md")], (x, "md"), [*body, f"%r = arith.addf %o, {summand} : f32"], "%r")

    def store(self, x: Value, into: Value, offsets: tuple[Size, ...], order: str) -> Value:
        """Writes x [m, heads, d] into `into`, dimensions in `order`."""
        b, (m, heads, d) = self.b, x.sizes
        sizes = (m, heads, d) if order == "mhi" else (heads, m, d)
        part = b.generic(order, [(x, "mhi")], (b.empty(sizes, into.element), order), *_narrowed([], "%a0", into.element))
        return b.insert(part, into, offsets)

    def rotate(self, x: Value, into: Value, offsets: tuple[Size, Size], order: str, tables: list[Value]) -> Value:
        """Rotates x [m, heads, head_dim] by its positions and writes it into `into`, dimensions in `order`. Channels
        behind the rotated ones are written as they are."""
        b, (m, heads, _) = self.b, x.sizes
        half, head_dim = self.config.rotated // 2, self.config.head_dim
        stride, second = (2, 1) if self.config.interleaved else (1, half)
        low, high = (b.slice(x, (0, 0, at), (m, heads, half), (1, 1, stride)) for at in (0, second))
        sizes = (m, heads, half) if order == "mhi" else (heads, m, half)
        for at, (p, q, op) in zip((0, second), ((low, high, "subf"), (high, low, "addf"))):
            inputs = [(p, "mhi"), (q, "mhi"), (tables[0], "mi"), (tables[1], "mi")]
            body = ["%u = arith.mulf %a0, %a2 : f32", "%w = arith.mulf %a1, %a3 : f32",
                    f"%r = arith.{op} %u, %w : f32"]
            part = b.generic("mhi", inputs, (b.empty(sizes, into.element), order), *_narrowed(body, "%r", into.element))
            into = b.insert(part, into, (*offsets, at), (1, 1, stride))
        if 2 * half == head_dim:
            return into
        rest = b.slice(x, (0, 0, 2 * half), (m, heads, head_dim - 2 * half))
        return self.store(rest, into, (*offsets, 2 * half), order)

    def tables(self, i: int) -> list[Value]:
        """This call's rows of layer `i`'s rotary tables."""
        sizes = (self.config.context, self.config.rotated // 2)
        names = (LOCAL_COSINES, LOCAL_SINES) if i in self.config.local_layers else (COSINES, SINES)
        loads = [self.b.emit(f'ml_program.global_load_const @"{name}" : {tensor_type(sizes)}', sizes)
                 for name in names]
        return [self.b.slice(table, ("%position", 0), (self.m, sizes[1])) for table in loads]

    def cached(self, cache: Value) -> Value:
        """The positions so far [kv, length, head_dim]. Many rows read halves often: they are widened once."""
        b = self.b
        sizes = (cache.sizes[0], self.length, cache.sizes[2])
        positions = b.slice(cache, (0, 0, 0), sizes)
        if cache.element == "f32" or not self.prefill:
            return positions
        return b.generic("htd", [(positions, "htd")], (b.empty(sizes), "htd"),
                         [f"%r = arith.extf %a0 : {cache.element} to f32"], "%r")

    def scores(self, q: Value, keys: Value) -> Value:
        """exp of the scaled, masked scores less their maximum: [kv, group, m, length]."""
        c, b, m = self.config, self.b, self.m
        sizes = (*q.sizes[1:3], m, self.length)
        dot = b.generic("hgmtd", [(q, "mhgd"), (keys, "htd")], (b.fill("0.0", sizes), "hgmt"), _product(keys), "%r",
                        reduced="d")
        body = [f"%c = arith.constant {c.score_scale:.9e} : f32", "%r = arith.mulf %a0, %c : f32"]
        result = "%r"
        if c.attention_softcap is not None:
            more, result = _capped(result, c.attention_softcap)
            body += more
        if self.prefill:
            body += ["%i = linalg.index 2 : index", "%j = linalg.index 3 : index",
                     "%last = arith.addi %i, %position : index", "%seen = arith.cmpi ule, %j, %last : index",
                     "%never = arith.constant 0xFF800000 : f32",
                     f"%masked = arith.select %seen, {result}, %never : f32"]
            result = "%masked"
        scaled = b.generic("hgmt", [(dot, "hgmt")], (b.empty(sizes), "hgmt"), body, result)
        largest = b.generic("hgmt", [(scaled, "hgmt")], (b.fill("0xFF800000", sizes[:3]), "hgm"),
                            ["%r = arith.maximumf %a0, %o : f32"], "%r", reduced="t")
        return b.generic("hgmt", [(scaled, "hgmt"), (largest, "hgm")], (b.empty(sizes), "hgmt"),
                         ["%d = arith.subf %a0, %a1 : f32", "%r = math.exp %d : f32"], "%r")

    def heads(self, h: Value, prefix: str, name: str, count: int) -> Value:
        """Queries, keys or values [m, heads, head_dim], where there is a norm of them normalized."""
        c, y = self.config, self.linear(h, f"{prefix}self_attn.{name}_proj.weight")
        normed, norm = c.qk_norm and name != "v", f"{prefix}self_attn.{name}_norm.weight"
        if normed and c.qk_norm_whole:
            y = self.norm(y, norm)
        y = self.b.expand(y, "[[0], [1, 2]]", (self.m, count, c.head_dim))
        return self.norm(y, norm) if normed and not c.qk_norm_whole else y

    def attention(self, h: Value, i: int, k_cache: Value, v_cache: Value) -> tuple[Value, Value, Value]:
        """What layer `i`'s heads found, before o_proj, and its caches."""
        c, b, m, prefix = self.config, self.b, self.m, f"model.layers.{i}."
        heads, kv, hd, group = c.num_heads, c.num_kv_heads, c.head_dim, c.num_heads // c.num_kv_heads
        q, k, v = (self.heads(h, prefix, name, count) for name, count in (("q", heads), ("k", kv), ("v", kv)))
        if i in c.unrotated_layers:
            k_cache = self.store(k, k_cache, (0, "%position", 0), "hmi")
        else:
            tables = self.tables(i)
            q = self.rotate(q, b.empty((m, heads, hd)), (0, 0), "mhi", tables)
            k_cache = self.rotate(k, k_cache, (0, "%position"), "hmi", tables)
        v_cache = self.store(v, v_cache, (0, "%position", 0), "hmi")
        keys, values = (self.cached(cache) for cache in (k_cache, v_cache))
        q = b.expand(q, "[[0], [1, 2], [3]]", (m, kv, group, hd))
        e = self.scores(q, keys)
        total = b.generic("hgmt", [(e, "hgmt")], (b.fill("0.0", (kv, group, m)), "hgm"),
                          ["%r = arith.addf %a0, %o : f32"], "%r", reduced="t")
        sizes = (m, kv, group, hd)
        y = b.generic("hgmdt", [(e, "hgmt"), (values, "htd")], (b.fill("0.0", sizes), "mhgd"), _product(values), "%r",
                      reduced="t")
        # Divided after the product with the values: length / head_dim times fewer divisions.
        y = b.generic("mhgd", [(y, "mhgd"), (total, "hgm")], (b.empty(sizes), "mhgd"),
                      ["%r = arith.divf %a0, %a1 : f32"], "%r")
        return b.collapse(y, "[[0], [1, 2, 3]]", (m, c.q_size)), k_cache, v_cache

    def gated(self, h: Value, prefix: str) -> Value:
        """act(gate) * up."""
        b = self.b
        gate, up = (self.linear(h, f"{prefix}mlp.{name}_proj.weight") for name in ("gate", "up"))
        sizes = gate.sizes
        factor = b.generic("md", [(gate, "md")], (b.empty(sizes), "md"), _GATES[self.config.activation], "%r")
        activated = b.generic("md", [(gate, "md"), (factor, "md")], (b.empty(sizes), "md"),
                              ["%r = arith.mulf %a0, %a1 : f32"], "%r")
        return b.generic("md", [(activated, "md"), (up, "md")], (b.empty(sizes), "md"),
                         ["%r = arith.mulf %a0, %a1 : f32"], "%r")

    def block(self, x: Value, i: int, k_cache: Value, v_cache: Value) -> tuple[Value, Value, Value]:
        """What layer `i` makes of x [m, d], and its caches."""
        prefix, norms = f"model.layers.{i}.", self.config.layer_norms(i)

        def normed(y: Value, name: str | None) -> Value:
            return self.norm(y, name) if name else y

        y, k_cache, v_cache = self.attention(normed(x, norms[0]), i, k_cache, v_cache)
        x = self.add(x, normed(self.linear(y, prefix + "self_attn.o_proj.weight"), norms[1]))
        gated = self.gated(normed(x, norms[2]), prefix)
        return self.add(x, normed(self.linear(gated, prefix + "mlp.down_proj.weight"), norms[3])), k_cache, v_cache

    def layer(self, i: int) -> str:
        """The private function of decoder layer `i`."""
        c = self.config
        x = Value("%x", ("%m" if self.prefill else 1, c.hidden_size))
        k, v = (Value(name, (c.num_kv_heads, c.context, c.head_dim), self.cache) for name in ("%k", "%v"))
        self.start(x)
        out, k_out, v_out = self.block(x, i, k, v)
        self.b.line(f"return {out.name}, {k_out.name}, {v_out.name} : {x.type}, {k.type}, {v.type}")
        arguments = [_writable("%x", x.type), "%position: index", _writable("%k", k.type), _writable("%v", v.type)]
        signature = f"@{self.mode}_layer_{i}({', '.join(arguments)}) -> ({x.type}, {k.type}, {v.type})"
        return self._function(f"func.func private {signature} attributes {{no_inline}}")

    @property
    def mode(self) -> str:
        return "prefill" if self.prefill else "decode"

    def main(self, last: bool = False) -> str:
        """The public function: embedding, layers, final norm, head; of the `last` token only, that is @prompt."""
        c, b = self.config, self.b
        tokens = Value("%tokens", ("%m" if self.prefill else 1,), "i32")
        self.start(tokens)
        x = self.embed(tokens)
        cache = tensor_type((c.num_kv_heads, c.context, c.head_dim), self.cache)
        caches = []
        for i in range(c.num_layers):
            call = b.name()
            b.line(f"{call}:3 = func.call @{self.mode}_layer_{i}({x.name}, %position, %k{i}, %v{i}) : "
                   f"({x.type}, index, {cache}, {cache}) -> ({x.type}, {cache}, {cache})")
            x = Value(f"{call}#0", x.sizes)
            caches += [f"{call}#1", f"{call}#2"]
        if last:
            b.line("%one = arith.constant 1 : index")
            b.line("%last = arith.subi %m, %one : index")
            x = b.slice(x, ("%last", 0), (1, c.hidden_size))
        logits = self.logits(x)
        results = ", ".join([logits.type] + [cache] * len(caches))
        b.line(f"return {', '.join([logits.name, *caches])} : {results}")
        arguments = [f"%tokens: {tokens.type}", "%position: index"]
        arguments += [_writable(f"%{kv}{i}", cache) for i in range(c.num_layers) for kv in "kv"]
        name = "prompt" if last else self.mode
        return self._function(f"func.func @{name}({', '.join(arguments)}) -> ({results})")

    def logits(self, x: Value) -> Value:
        """Final norm and head, whose results some models divide and cap."""
        b, c = self.b, self.config
        y = self.linear(self.norm(x, FINAL_NORM), EMBEDDING if c.tied else HEAD)
        body, result = _scaled("%a0", 1 / c.logits_divisor)
        if c.logits_softcap is not None:
            more, result = _capped(result, c.logits_softcap)
            body += more
        return b.generic("mn", [(y, "mn")], (b.empty(y.sizes), "mn"), body, result) if body else y

    def embed(self, tokens: Value) -> Value:
        b, d = self.b, self.config.hidden_size
        table = self.weight(EMBEDDING)
        body = ["%i = arith.index_cast %a0 : i32 to index", "%j = linalg.index 1 : index",
                f"%e = tensor.extract {table.name}[%i, %j] : {table.type}"]
        result = "%e"
        if table.element != "f32":
            body.append(f"%r = arith.extf %e : {table.element} to f32")
            result = "%r"
        more, result = _scaled(result, self.config.embedding_scale)
        body += more
        return b.generic("md", [(tokens, "m")], (b.empty((self.m, d)), "md"), body, result)

    def _function(self, head: str) -> str:
        return "\n".join([f"  {head} {{", *self.b.lines, "  }"])


def _scaled(x: str, factor: float) -> tuple[list[str], str]:
    """A body that multiplies the scalar x, and its result; empty for a factor of 1."""
    if factor == 1:
        return [], x
    return [f"%factor = arith.constant {factor:.9e} : f32", f"%scaled = arith.mulf {x}, %factor : f32"], "%scaled"


def _capped(x: str, cap: float) -> tuple[list[str], str]:
    """A body that bends the scalar x so that it stays below `cap`, and its result."""
    return [f"%cap = arith.constant {cap:.9e} : f32", f"%share = arith.divf {x}, %cap : f32",
            "%bent = math.tanh %share : f32", "%capped = arith.mulf %bent, %cap : f32"], "%capped"


def _narrowed(body: list[str], result: str, element: str) -> tuple[list[str], str]:
    """A body and its f32 result, for a tensor of `element`."""
    return (body, result) if element == "f32" else ([*body, f"%c = arith.truncf {result} : f32 to {element}"], "%c")


def _product(y: Value) -> list[str]:
    """o + x * y, where y may be halves."""
    body = ["%p = arith.mulf %a0, %a1 : f32", "%r = arith.addf %o, %p : f32"]
    if y.element == "f32":
        return body
    return [f"%w = arith.extf %a1 : {y.element} to f32", body[0].replace("%a1", "%w"), body[1]]


def _writable(name: str, type_: str) -> str:
    return f"{name}: {type_} {{bufferization.writable = true}}"


def _globals(checkpoint: Checkpoint) -> list[str]:
    lines = []
    for name, array in checkpoint.parameters():
        type_ = tensor_type(array.shape, _ELEMENTS[array.dtype.name])
        lines.append(f'  ml_program.global private @"{name}"(#ml_program.extern : {type_}) : {type_}')
    config = checkpoint.config
    tables = list(zip((COSINES, SINES), rotary_tables(config)))
    if config.local_layers:
        tables += zip((LOCAL_COSINES, LOCAL_SINES), rotary_tables(config, local=True))
    for name, table in tables:
        type_ = tensor_type(table.shape)
        lines.append(f'  ml_program.global private @"{name}"(dense<"0x{table.tobytes().hex().upper()}"> : {type_}) : '
                     f"{type_}")
    return lines


def llama_module(checkpoint: Checkpoint, parameters: list[str], cache: str = "f32") -> str:
    """The model as MLIR text; `parameters` are the safetensors files that have its weights, `cache` the element type of
    the KV cache, one of CACHES. Raises FptqError for another."""
    if cache not in CACHES:
        raise FptqError(f"a KV cache of '{cache}', expected {' or '.join(CACHES)}")
    files = ", ".join(f'"{name}"' for name in parameters)
    lines = [f'module attributes {{fptq.parameters = [{files}], fptq.model_hash = "{checkpoint.hash()}"}} {{']
    lines += _globals(checkpoint)
    for prefill in (True, False):
        lines += [_Function(checkpoint, prefill, cache).layer(i) for i in range(checkpoint.config.num_layers)]
        lines.append(_Function(checkpoint, prefill, cache).main())
    lines.append(_Function(checkpoint, True, cache).main(last=True))
    lines.append("}")
    return "\n".join(lines) + "\n"


def write_parameters(checkpoint: Checkpoint, beside: Path) -> list[str]:
    """The safetensors that have the weights, as `llama_module` wants them.

    Weights that already lie in safetensors stay where they are, named by absolute path; the others are written to
    `beside`, named without its folder. It comes first: a folder's own file may have something else by the same name.
    """
    paths = {name: checkpoint.tensors[name].path for name, _ in checkpoint.config.shapes()}
    known = sorted({os.fspath(path) for path in paths.values() if path is not None})
    missing = [name for name, path in paths.items() if path is None]
    if not missing:
        return known
    safetensors.write(beside, checkpoint.parameters(missing))
    return [beside.name, *known]


def import_llama(checkpoint: Checkpoint, output: str | Path, cache: str = "f32") -> Path:
    """Writes the model as MLIR text to `output`; weights that need a file go to `output` as `.safetensors`."""
    output = Path(output)
    parameters = write_parameters(checkpoint, output.with_suffix(".safetensors"))
    write_text(output, llama_module(checkpoint, parameters, cache))
    return output
