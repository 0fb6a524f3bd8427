//===- Parameters.h - constants, wherever they live --------------*- C++ -*-===//
//
// A weight is a `dense`, a `dense_resource`, or an external `ml_program.global` whose bytes are a
// tensor of a .safetensors file named by the module's `fptq.parameters`. Rooms that look at weights
// go through here and never ask which.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_SUPPORT_PARAMETERS_H
#define FPTQ_SUPPORT_PARAMETERS_H

#include "fptq/Support/Safetensors.h"
#include "mlir/IR/BuiltinOps.h"

#include <vector>

namespace mlir::fptq {

/// The files of one module, opened once.
class ParameterFiles {
public:
  /// Opens every file of `fptq.parameters`: absolute, or below one of the dialect's parameter
  /// directories (set by the tools from the input's own folder), or below the current directory.
  /// Emits an error that names the file.
  static FailureOr<ParameterFiles> open(ModuleOp module);

  /// The tensor called `name` and the file that keeps it alive; null where no file has it.
  const SafetensorsEntry *find(StringRef name) const;
  std::shared_ptr<SafetensorsFile> fileOf(StringRef name) const;

  /// True if `path` is one of the files, by whatever name.
  bool contains(StringRef path) const;

  /// Writes size and time of last change of each, in order: other text where a file was written again.
  void describe(raw_ostream &os) const;

private:
  std::vector<std::shared_ptr<SafetensorsFile>> files;
};

/// True if `value` is a constant (dense, dense_resource, external global load) reached through
/// any chain of expand_shape, collapse_shape, transpose, extract_slice, broadcast and transposing
/// generics, extf/truncf (op or generic), `fptq.scale_channels` and `fptq.dequantize`.
bool isConstantChain(Value value);

/// The name of the constant at the chain's root: the global's symbol, the resource key, a NameLoc
/// or an `fptq.name` attribute; empty if it has none.
StringRef constantName(Value value);

/// The same text for two constant chains where both read the same elements of one constant in the same order as tensors
/// of one shape, however they are spelled; another one for any two that could differ.
std::string constantIdentity(Value value);

/// Evaluates a constant chain to f32, row-major in `value`'s own shape. An error is emitted at
/// `value` and names `layer`: NaN or infinity, unsupported element type, missing tensor.
FailureOr<std::vector<float>> evaluateConstant(Value value, const ParameterFiles &files, StringRef layer);

/// Bytes of a constant, where they lie (a blob, a mapped file) or, of a splat, written out.
struct ConstantBytes {
  ConstantBytes() = default;
  explicit ConstantBytes(ArrayRef<char> bytes) : bytes(bytes) {}
  explicit ConstantBytes(std::vector<char> made) : made(std::move(made)), bytes(this->made) {}
  ConstantBytes(ConstantBytes &&) = default; // no copy: it would point into the other's `made`
  ConstantBytes &operator=(ConstantBytes &&) = default;

  operator ArrayRef<char>() const { return bytes; }

private:
  std::vector<char> made;
  ArrayRef<char> bytes;
};

/// The bytes of a root of floats, or of integers of whole bytes: dense, dense_resource or global, of this module or
/// external. An error is emitted at `value` and names `layer`.
FailureOr<ConstantBytes> constantBytes(Value value, const ParameterFiles &files, StringRef layer);

/// The bytes of a resource; empty for anything else, or one that was left out of the text.
ArrayRef<char> resourceBytes(Attribute constant);

/// True for zeros: a constant, or what is filled with one.
bool isZero(Value value);

/// safetensors' name of an element type; empty where it has none.
StringRef safetensorsDtype(Type element);

/// Erases what computed constants that nobody reads any more, and globals that nobody loads.
void eraseUnusedConstants(ModuleOp module);
/// The globals alone.
void eraseUnusedGlobals(ModuleOp module);

/// The values of an f32 attribute, dense or dense_resource; empty where there is none or it is neither.
std::vector<float> floatElements(ElementsAttr attr);

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_PARAMETERS_H
