"""What benchmark/nvptx/run checks and times, on a GPU."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Callable

import numpy as np
from artifacts import Format, Kernel, choose, product_arguments, read_cases, read_index, read_kernels, rows_arguments
from driver import Address, Driver, DriverError, Module

#: N x K of Llama-like linears: 7B's attention and down projection, 70B's.
SHAPES = [(4096, 4096), (4096, 11008), (8192, 8192), (28672, 8192)]
#: Few output channels and a long K: what splitting K over blocks is for.
NARROW = [(768, 3072), (1024, 8192), (1024, 28672)]
SLICES = [2, 4, 8]
TOKENS = [1, 4, 8, 16, 32, 64, 128, 512, 1024, 4096]
#: The linears of one decoder layer: hidden 4096, feed-forward 11008.
LAYER = [(4096, 4096)] * 4 + [(11008, 4096)] * 2 + [(4096, 11008)]
REPEATS = 20
#: The first driver that knows PTX 8.4, which code of sm_90a is.
DRIVER_OF_SM_90A = 12040


class Report:
    def __init__(self, torch: ModuleType, driver: Driver, folder: Path, quick: bool) -> None:
        self.torch, self.folder = torch, folder
        chips, self.formats = read_index(folder)
        torch.cuda.init()
        torch.zeros(1, device="cuda")  # makes the context that the driver's calls use
        properties = torch.cuda.get_device_properties(0)
        number = properties.major * 10 + properties.minor
        if number < 80:
            raise DriverError(f"{properties.name} is sm_{number}, sm_80 or newer is needed")
        self.chip = f"sm_{number}a" if f"sm_{number}a" in chips else "sm_80"
        if self.chip == "sm_90a" and driver.version() < DRIVER_OF_SM_90A:
            print("the driver is older than CUDA 12.4: code of sm_80 is measured, not of sm_90a")
            self.chip = "sm_80"
        self.l2 = getattr(properties, "L2_cache_size", 64 << 20)
        self.modules, self.split_modules = ({f: Module(driver, *read_kernels(folder, self.chip, f, split))
                                             for f in self.formats} for split in (False, True))
        self.overlaps = number >= 90 and self.chip != "sm_80"  # code of sm_80 waits for nobody
        self.shapes, self.tokens = (SHAPES[:2], [1, 16, 1024]) if quick else (SHAPES, TOKENS)
        self.result = {"device": properties.name, "chip": self.chip, "correct": True, "rows": []}

    def run(self) -> None:
        self.result["correct"] = all([check(form) for form in self.formats for check in (self.check, self.check_rows)])
        if not self.result["correct"]:
            return
        self.result["copy_gigabytes_per_second"] = self.bandwidth() / 1e9
        for form in self.formats:
            for n, k in self.shapes:
                self.result["rows"] += [self.product(form, m, n, k) for m in self.tokens]
            self.result["rows"] += [self.quantization(form, m, 4096) for m in self.tokens]
            for n, k in NARROW:
                for m in (m for m in self.tokens if m <= 16):
                    self.result["rows"] += [self.product(form, m, n, k)]
                    self.result["rows"] += [self.product(form, m, n, k, slices) for slices in SLICES]
            for overlap in (False, True)[:1 + self.overlaps]:
                self.result["rows"] += [self.layer(form, m, overlap) for m in self.tokens]

    # Correctness

    def check(self, form: Format) -> bool:
        """Every case of the folder, bit for bit."""
        torch, right = self.torch, True
        for name, case in read_cases(self.folder, form).items():
            device = {key: torch.from_numpy(value).cuda() for key, value in case.items() if key != "expected"}
            m, n = case["expected"].shape
            for slices in [1] + SLICES * (m <= 16):
                device["y"] = torch.full((m, n), float("nan"), device="cuda")
                kernel, launch = self.launch(form, device, m, n, slices)
                launch(torch.cuda.current_stream().cuda_stream)
                torch.cuda.synchronize()
                wrong = int((device["y"].cpu().numpy().view(np.int32) != case["expected"].view(np.int32)).sum())
                if wrong:
                    print(f"{name}: {wrong} of {m * n} outputs differ ({kernel.name}, {slices} slices)")
                    right = False
        return right

    def check_rows(self, form: Format) -> bool:
        """The same of quantizations: a NaN is right in any of its forms."""
        torch, right = self.torch, True
        for name, case in read_cases(self.folder, form, rows=True).items():
            device = {"x": torch.from_numpy(case["x"]).cuda()} | {
                key: torch.full_like(torch.from_numpy(case[key]), 9, device="cuda") for key in ("q", "scales", "sums")}
            self.rows_call(form, device)()
            torch.cuda.synchronize()
            for key in ("q", "scales", "sums"):
                if not np.array_equal(device[key].cpu().numpy(), case[key], equal_nan=key == "scales"):
                    print(f"{name}: {key} differ")
                    right = False
        return right

    def launch(self, form: Format, tensors: dict, m: int, n: int, slices: int = 1,
               overlap: bool = False) -> tuple[Kernel, Callable[[int], None]]:
        """The kernel of a product of `tensors` and what launches it; adds to them what slices of K need."""
        module = (self.split_modules if slices > 1 else self.modules)[form]
        kernel = choose(module.kernels, m)
        tensors = {key: value for key, value in tensors.items() if key not in ("workspace", "counters")} | (
            self.workspace(kernel, form, tensors, m, n, slices) if kernel.split else {})
        arguments = product_arguments(tensors, {key: t.data_ptr() for key, t in tensors.items()})
        launch = module.prepare(kernel, kernel.grid(m, n, slices), arguments, overlap=overlap)
        return kernel, lambda stream, keep=tensors: launch(stream)

    def workspace(self, kernel: Kernel, form: Format, tensors: dict, m: int, n: int, slices: int) -> dict:
        words, tiles = kernel.workspace(form, m, n, tensors["x_sums"].shape[1], slices)
        return {"workspace": self.torch.empty(words, dtype=self.torch.int32, device="cuda"),
                "counters": self.torch.zeros(tiles, dtype=self.torch.int32, device="cuda")}

    # Timing

    def time(self, calls: list[Callable[[], None]]) -> float:
        """Seconds of one call: the median over rounds that go through all of `calls`, so that none finds its weights
        in the L2 cache; replayed from a CUDA graph, so that launches from Python do not count."""
        torch = self.torch
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for call in calls:
                call()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for call in calls:
                call()
        times = []
        for _ in range(REPEATS):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            graph.replay()
            end.record()
            torch.cuda.synchronize()
            times.append(start.elapsed_time(end) * 1e-3 / len(calls))
        return sorted(times)[len(times) // 2]

    def bandwidth(self) -> float:
        """Bytes a second of a copy that no cache holds: what `share_of_bandwidth` is a share of."""
        source = self.torch.zeros(1 << 30, dtype=self.torch.uint8, device="cuda")
        target = self.torch.empty_like(source)
        return 2 * source.numel() / self.time([lambda: target.copy_(source)])

    def copies(self, size: int) -> int:
        return max(1, min(64, -(-4 * self.l2 // size)))

    def packed_bytes(self, form: Format, n: int, k: int) -> int:
        groups = k // form.group
        tail = {"two-level": 32, "symmetric": 64, "asymmetric": 80}[form.scheme] * groups
        return -(-n // 16) * (k * 8 + tail + 64 * (form.scheme == "two-level"))

    def launches(self, form: Format, m: int, n: int, k: int, count: int, slices: int = 1,
                 overlap: bool = False) -> list[Callable[[], None]]:
        """`count` products of the same shape with weights of their own. All bits are zero: arithmetic on them takes
        as long as on any."""
        torch, groups = self.torch, k // form.group
        calls = []
        for _ in range(count):
            t = {"q": torch.randint(-127, 128, (m, k), dtype=torch.int8, device="cuda"),
                 "x_scales": torch.ones(m, device="cuda"), "bias": torch.zeros(n, device="cuda"),
                 "x_sums": torch.zeros((m, groups), dtype=torch.int32, device="cuda"),
                 "packed": torch.zeros(self.packed_bytes(form, n, k), dtype=torch.uint8, device="cuda"),
                 "y": torch.empty((m, n), device="cuda")}
            _, launch = self.launch(form, t, m, n, slices, overlap)
            calls.append(lambda launch=launch: launch(torch.cuda.current_stream().cuda_stream))
        return calls

    def int8(self, m: int, n: int, k: int, count: int) -> list[Callable[[], None]]:
        """cuBLASLt's int8 product with the epilogue that ours has, scales by token and by channel. It takes no fewer
        than 17 tokens: fewer are padded to 32."""
        torch, rows = self.torch, max(m, 32)
        x = torch.randint(-127, 128, (rows, k), dtype=torch.int8, device="cuda")
        tokens, channels = torch.ones(rows, 1, device="cuda"), torch.ones(n, device="cuda")
        weights = [torch.randint(-127, 128, (n, k), dtype=torch.int8, device="cuda").t() for _ in range(count)]
        return [lambda w=w: torch._int_mm(x, w) * tokens * channels for w in weights]

    def fp16(self, m: int, n: int, k: int, count: int) -> list[Callable[[], None]]:
        torch = self.torch
        x = torch.randn(m, k, dtype=torch.float16, device="cuda")
        weights = [torch.randn(n, k, dtype=torch.float16, device="cuda").t() for _ in range(count)]
        return [lambda w=w: torch.matmul(x, w) for w in weights]

    def row(self, kernel: str, form: Format, m: int, n: int, k: int, seconds: float, moved: int, int8: float | None,
            fp16: float | None) -> dict:
        """Ratios above 1: ours is faster."""
        return {"kernel": kernel, "m": m, "n": n, "k": k, "group_size": form.group, "scheme": form.scheme,
                "microseconds": seconds * 1e6, "tops": 2e-12 * m * n * k / seconds,
                "share_of_bandwidth": moved / seconds / (1e9 * self.result["copy_gigabytes_per_second"]),
                "ratio_to_int8": int8 and int8 / seconds, "ratio_to_fp16": fp16 and fp16 / seconds}

    def product(self, form: Format, m: int, n: int, k: int, slices: int = 1) -> dict:
        weight = self.packed_bytes(form, n, k)
        ours = self.time(self.launches(form, m, n, k, self.copies(weight), slices))
        int8 = self.time(self.int8(m, n, k, self.copies(n * k)))
        fp16 = self.time(self.fp16(m, n, k, self.copies(2 * n * k)))
        return self.row("matmul", form, m, n, k, ours, weight + m * k + 4 * m * n, int8, fp16) | {"slices": slices}

    def rows_call(self, form: Format, tensors: dict, overlap: bool = False) -> Callable[[], None]:
        """Quantizes x of `tensors` to q, scales and sums."""
        torch, module, (m, k) = self.torch, self.modules[form], tensors["x"].shape
        (kernel,) = [kernel for kernel in module.kernels if not kernel.rows]
        arguments = rows_arguments(form, k, {key: t.data_ptr() for key, t in tensors.items()})
        launch = module.prepare(kernel, kernel.grid(m, 0), arguments, 4 * -(-k // form.group), overlap)
        return lambda keep=tensors: launch(torch.cuda.current_stream().cuda_stream)

    def quantization_call(self, form: Format, m: int, k: int, overlap: bool = False) -> Callable[[], None]:
        torch, groups = self.torch, k // form.group
        return self.rows_call(form, {
            "x": torch.randn(m, k, device="cuda"), "q": torch.empty((m, k), dtype=torch.int8, device="cuda"),
            "scales": torch.empty(m, device="cuda"),
            "sums": torch.empty((m, groups), dtype=torch.int32, device="cuda")}, overlap)

    def quantization(self, form: Format, m: int, k: int) -> dict:
        moved = m * k * 5 + m * (k // form.group) * 4
        calls = [self.quantization_call(form, m, k) for _ in range(self.copies(moved))]
        return self.row("quantize", form, m, 0, k, self.time(calls), moved, None, None)

    def layer(self, form: Format, m: int, overlap: bool) -> dict:
        """All linears of a decoder layer with their activation quantizations, in order: all but attention."""
        ours, int8, fp16, moved, work = [], [], [], 0, 0
        for n, k in LAYER:
            ours += [self.quantization_call(form, m, k, overlap), *self.launches(form, m, n, k, 1, overlap=overlap)]
            int8 += self.int8(m, n, k, 1)
            fp16 += self.fp16(m, n, k, 1)
            moved += self.packed_bytes(form, n, k)
            work += n * k
        seconds = self.time(ours) * len(ours)
        return self.row("layer-overlapped" if overlap else "layer", form, m, work // 4096, 4096, seconds, moved,
                        self.time(int8) * len(int8), self.time(fp16) * len(fp16))
