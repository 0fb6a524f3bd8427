// Sizes that divide: zero and less are refused before any work.
// RUN: not fptq-opt %s --fptq-lower-linear=width=0 2>&1 | FileCheck %s --check-prefix=ZERO
// ZERO: error: fptq-lower-linear: width 0, expected 1 or more
// RUN: not fptq-opt %s --fptq-x86-pipeline=width=-9223372036854775808 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: error: fptq-lower-linear: width -9223372036854775808, expected 1 or more
// RUN: not fptq-opt %s --fptq-outline-repeats=minimum=0 2>&1 | FileCheck %s --check-prefix=REPEATS
// REPEATS: error: fptq-outline-repeats: minimum 0, expected 1 or more
// RUN: not fptq-opt %s "--pass-pipeline=builtin.module(func.func(fptq-tile-for-vectors{chunks=0}))" 2>&1 | FileCheck %s --check-prefix=CHUNKS
// CHUNKS: error: fptq-tile-for-vectors: chunks 0, expected 1 or more
// RUN: not fptq-opt %s "--pass-pipeline=builtin.module(func.func(fptq-fuse-attention{rows=0}))" 2>&1 | FileCheck %s --check-prefix=ROWS
// ROWS: error: fptq-fuse-attention: rows 0, expected 1 or more
// RUN: not fptq-opt %s "--pass-pipeline=builtin.module(func.func(fptq-prefetch-streams{bytes=0}))" 2>&1 | FileCheck %s --check-prefix=BYTES
// BYTES: error: fptq-prefetch-streams: bytes 0, expected 1 or more
// RUN: not fptq-opt %s "--pass-pipeline=builtin.module(func.func(fptq-prefetch-streams{window=-1}))" 2>&1 | FileCheck %s --check-prefix=WINDOW
// WINDOW: error: fptq-prefetch-streams: window -1, expected 1 or more
func.func @main(%x: tensor<1x8xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x8xf32>
  %y = fptq.linear %x, %w layer("w") : (tensor<1x8xf32>, tensor<2x8xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
