// RUN: split-file %s %t
// RUN: fptq-opt --fptq-attach-profile=profile=%t/good.json %t/model.mlir | FileCheck %t/model.mlir
// RUN: fptq-opt --fptq-attach-profile=profile=%t/table.txt %t/model.mlir | FileCheck %t/model.mlir --check-prefix=TABLE
// A table without channels is enough for all but equalization.
// RUN: fptq-opt --fptq-quantize-pipeline="profile=%t/table.txt policy=static group-size=0" %t/model.mlir | FileCheck %s --check-prefix=STATIC
// STATIC-COUNT-2: fptq.quantized_matmul
// RUN: not fptq-opt --fptq-quantize-pipeline="profile=%t/table.txt policy=equalized" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=EQUALIZED
// EQUALIZED: layer 'a' has no per-channel maxima, which equalization needs
// RUN: not fptq-opt --fptq-attach-profile %t/model.mlir 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: option profile is missing
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/absent.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=ABSENT
// ABSENT: absent.json: No such file
// What has no end is not read. The limit is for what does it all the same.
// RUN: not bash -c "ulimit -v 8000000; exec fptq-opt --mlir-disable-threading --fptq-attach-profile=profile=/dev/zero %t/model.mlir" 2>&1 | FileCheck %s --check-prefix=DEVICE
// RUN: not bash -c "ulimit -v 8000000; exec fptq-opt --mlir-disable-threading --fptq-choose-policy=recipe=/dev/zero %t/model.mlir" 2>&1 | FileCheck %s --check-prefix=DEVICE
// RUN: not bash -c "ulimit -v 8000000; exec fptq-opt --mlir-disable-threading --fptq-raise=names=/dev/zero %t/model.mlir" 2>&1 | FileCheck %s --check-prefix=DEVICE
// DEVICE: /dev/zero{{'?}}: is a device, expected a file
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/missing.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: missing.json' has no entry for layers: 'a', 'b'
// RUN: fptq-opt --fptq-attach-profile="profile=%t/missing.json strict=false" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=LENIENT
// LENIENT: warning: {{.*}}has no entry for layers: 'a', 'b'
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/extra.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=EXTRA
// EXTRA: extra.json' has entries for layers the model does not have: 'c'
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/nan.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=NAN
// NAN: nan.json: layer 'a': absmax: is 'NaN', expected a number
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/fraction.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=FRACTION
// FRACTION: fraction.json: layer 'a': channels: is no integer: 3.50
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/infinite.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=INFINITE
// INFINITE: infinite.json: {{.*}}absmax: is inf
// RUN: sed s/1e999/1e39/ %t/infinite.json > %t/large.json && not fptq-opt --fptq-attach-profile=profile=%t/large.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=LARGE
// LARGE: large.json: layer 'a': absmax: is 1e+39, more than a float holds
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/negative.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: negative.json: layer 'a': absmax: is negative: -2
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/reversed.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=REVERSED
// REVERSED: reversed.json: layer 'a': min: 3 is above max -1
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/channels.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=CHANNELS
// CHANNELS: channels.json': layer 'a': channels is 5, the layer has 4
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/hash.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=HASH
// HASH: hash.json': model_hash is 'other', this model's is 'mine'
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/version.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=VERSION
// VERSION: version.json: version: is 7, this program reads 1
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/twice.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: twice.json: layer 'a': name: is there twice
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/broken.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=BROKEN
// BROKEN: broken.json: is not JSON
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/sidecar.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=SIDECAR
// SIDECAR: sidecar.json: sidecar: {{.*}}truncated.safetensors
// RUN: not fptq-opt --fptq-attach-profile=profile=%t/elsewhere.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=ELSEWHERE
// ELSEWHERE: elsewhere.json: sidecar: is no file name: ../x.safetensors
// RUN: sed s/min-max/hessian/ %t/good.json > %t/observer.json && not fptq-opt --fptq-attach-profile=profile=%t/observer.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=OBSERVER
// OBSERVER: observer.json: observer: unknown observer 'hessian', expected min-max, moving-average, percentile, mse or entropy
// RUN: sed s/min-max/percentile=101/ %t/good.json > %t/observer.json && not fptq-opt --fptq-attach-profile=profile=%t/observer.json %t/model.mlir 2>&1 | FileCheck %s --check-prefix=PERCENTILE
// PERCENTILE: observer.json: observer: observer 'percentile=101': value must be a number above 0 and below 100

//--- model.mlir
// CHECK: fptq.linear {{.*}} layer("a") {range = #fptq.range<min = -1.000000e+00, max = 2.000000e+00, absmax = 2.000000e+00, tokens = 3>}
// TABLE: fptq.linear {{.*}} layer("a") {range = #fptq.range<min = -1.500000e+00, max = 2.500000e+00, absmax = 2.250000e+00, tokens = 0>}
// Maxima of a profile before this one go, where this one has none: they would not be of its range.
// TABLE: fptq.linear {{.*}} layer("b") {range = #fptq.range<{{[^>]*}}>}
module attributes {fptq.model_hash = "mine"} {
  func.func @f(%x: tensor<3x4xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
    %w = arith.constant dense<1.0> : tensor<2x4xf32>
    %y = fptq.linear %x, %w layer("a") : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
    %z = fptq.linear %x, %w layer("b") {channel_absmax = dense<7.0> : tensor<4xf32>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
    return %y, %z : tensor<3x2xf32>, tensor<3x2xf32>
  }
}
//--- good.json
{"format": "fptq-profile", "version": 1, "model_hash": "mine", "observer": "min-max", "layers": [
  {"name": "a", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": 2},
  {"name": "b", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": 2}]}
//--- table.txt
# op_name threshold min max
a 2.25 -1.5 2.5
b 1 -1 1
//--- missing.json
{"format": "fptq-profile", "version": 1, "layers": []}
//--- extra.json
{"format": "fptq-profile", "version": 1, "layers": [
  {"name": "a", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": 2},
  {"name": "b", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": 2},
  {"name": "c", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": 2}]}
//--- nan.json
{"format": "fptq-profile", "version": 1, "layers": [{"name": "a", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": "NaN"}]}
//--- fraction.json
{"format": "fptq-profile", "version": 1, "layers": [{"name": "a", "channels": 3.5, "tokens": 3, "min": -1, "max": 2, "absmax": 2}]}
//--- elsewhere.json
{"format": "fptq-profile", "version": 1, "sidecar": "../x.safetensors", "layers": []}
//--- infinite.json
{"format": "fptq-profile", "version": 1, "layers": [{"name": "a", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": 1e999}]}
//--- negative.json
{"format": "fptq-profile", "version": 1, "layers": [{"name": "a", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": -2}]}
//--- reversed.json
{"format": "fptq-profile", "version": 1, "layers": [{"name": "a", "channels": 4, "tokens": 3, "min": 3, "max": -1, "absmax": 2}]}
//--- channels.json
{"format": "fptq-profile", "version": 1, "layers": [
  {"name": "a", "channels": 5, "tokens": 3, "min": -1, "max": 2, "absmax": 2},
  {"name": "b", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": 2}]}
//--- hash.json
{"format": "fptq-profile", "version": 1, "model_hash": "other", "layers": []}
//--- version.json
{"format": "fptq-profile", "version": 7, "layers": []}
//--- twice.json
{"format": "fptq-profile", "version": 1, "layers": [
  {"name": "a", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": 2},
  {"name": "a", "channels": 4, "tokens": 3, "min": -1, "max": 2, "absmax": 2}]}
//--- broken.json
{"format": "fptq-profile", "version"
//--- sidecar.json
{"format": "fptq-profile", "version": 1, "sidecar": "truncated.safetensors", "layers": []}
//--- truncated.safetensors
short
