//===- MatmulFields.h - FptqMatmul as generated code sees it ----*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_MATMULFIELDS_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_MATMULFIELDS_H

#include "Emitter.h"
#include "fptq-runtime/Kernels.h"
#include <cstddef>

namespace mlir::fptq::x86 {

/// Loads fields of the structure where they are needed.
class MatmulFields {
public:
  MatmulFields(Emitter &e, Value base) : e(e), base(base) {}
  Value m() { return integer(offsetof(FptqMatmul, m)); }
  Value n() { return integer(offsetof(FptqMatmul, n)); }
  Value groups() { return integer(offsetof(FptqMatmul, groups)); }
  Value q() { return pointer(offsetof(FptqMatmul, q)); }
  Value qStride() { return integer(offsetof(FptqMatmul, q_stride)); }
  Value xScales() { return pointer(offsetof(FptqMatmul, x_scales)); }
  Value xSums() { return pointer(offsetof(FptqMatmul, x_sums)); }
  Value sumsStride() { return integer(offsetof(FptqMatmul, sums_stride)); }
  Value packed() { return pointer(offsetof(FptqMatmul, packed)); }
  Value bias() { return pointer(offsetof(FptqMatmul, bias)); }
  Value residual() { return pointer(offsetof(FptqMatmul, residual)); }
  Value residualStride() { return integer(offsetof(FptqMatmul, residual_stride)); }
  Value y() { return pointer(offsetof(FptqMatmul, y)); }
  Value yStride() { return integer(offsetof(FptqMatmul, y_stride)); }
  Value activation() { return integer(offsetof(FptqMatmul, activation)); }
  Value multiplicand() { return pointer(offsetof(FptqMatmul, multiplicand)); }
  Value multiplicandStride() { return integer(offsetof(FptqMatmul, multiplicand_stride)); }
  Value scratch() { return pointer(offsetof(FptqMatmul, scratch)); }

private:
  Value integer(size_t at) { return e.load(e.i64(), e.at(base, at), 8); }
  Value pointer(size_t at) { return e.load(e.ptr(), e.at(base, at), 8); }
  Emitter &e;
  Value base;
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_MATMULFIELDS_H
