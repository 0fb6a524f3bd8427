//===- Epilogues.h - elementwise operations into the product ----*- C++ -*-===//
#ifndef FPTQ_LIB_FUSE_EPILOGUES_H
#define FPTQ_LIB_FUSE_EPILOGUES_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::fptq {

/// Bias, activation, multiplicand and residual of an `fptq.quantized_matmul`, as far as its epilogue's order allows.
void populateEpiloguePatterns(RewritePatternSet &patterns);

} // namespace mlir::fptq

#endif // FPTQ_LIB_FUSE_EPILOGUES_H
