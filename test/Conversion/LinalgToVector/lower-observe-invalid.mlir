// RUN: fptq-opt --fptq-lower-observe --split-input-file --verify-diagnostics %s

func.func @tensor(%x: tensor<4x64xf32>) {
  // expected-error@+1 {{'fptq.observe' op is not bufferized}}
  fptq.observe %x layer("a") : tensor<4x64xf32>
  return
}

// -----

// expected-error@+1 {{matched function 'fptq_observe' but with different type: '(i32) -> ()' (expected '(!llvm.ptr, !llvm.ptr, i64, i64, i32) -> ()')}}
func.func private @fptq_observe(i32)
func.func @f(%x: memref<4x64xf32>) {
  fptq.observe %x layer("a") : memref<4x64xf32>
  return
}

// -----

// Both would be 'a' to the runtime.
func.func @nul(%x: memref<4x64xf32>) {
  fptq.observe %x layer("a") : memref<4x64xf32>
  // expected-error@+1 {{has a name that no profile can hold, expected UTF-8 without NUL (layer 'a\00b')}}
  fptq.observe %x layer("a\00b") : memref<4x64xf32>
  return
}

// -----

func.func @not_utf8(%x: memref<4x64xf32>) {
  // expected-error@+1 {{expected UTF-8 without NUL (layer 'a\FF')}}
  fptq.observe %x layer("a\FF") : memref<4x64xf32>
  return
}
