//===- CHeader.cpp - what a C program must know of an object --------------===//
#include "CHeader.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::fptq;

/// C's name of an element type, and the part it takes in a descriptor's name.
static std::pair<std::string, std::string> elementNames(Type type) {
  if (type.isF32())
    return {"float", "f32"};
  if (type.isF64())
    return {"double", "f64"};
  if (type.isF16() || type.isBF16())
    return {"uint16_t", type.isF16() ? "f16" : "bf16"};
  if (type.isIndex())
    return {"int64_t", "i64"};
  unsigned bits = std::max(8u, type.getIntOrFloatBitWidth());
  return {llvm::formatv("int{0}_t", bits), llvm::formatv("i{0}", bits)};
}

static std::string descriptorName(ShapedType type) {
  return llvm::formatv("fptq_{0}_{1}d", elementNames(type.getElementType()).second, type.getRank());
}

static std::string typeName(Type type) {
  if (auto shaped = dyn_cast<ShapedType>(type))
    return descriptorName(shaped);
  return elementNames(type).first;
}

static void printDescriptor(llvm::raw_ostream &os, ShapedType type) {
  std::string name = descriptorName(type), element = elementNames(type.getElementType()).first;
  os << "#ifndef " << name << "_defined\n#define " << name << "_defined\n"
     << "typedef struct {\n  " << element << " *allocated; /* to free(), where a function returned it */\n  " << element
     << " *aligned;\n  int64_t offset;\n";
  if (type.getRank())
    os << "  int64_t sizes[" << type.getRank() << "], strides[" << type.getRank() << "]; /* in elements */\n";
  os << "} " << name << ";\n#endif\n\n";
}

static std::string shapeComment(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped)
    return "";
  std::string text = "[";
  for (auto [d, size] : llvm::enumerate(shaped.getShape()))
    text += (d ? ", " : "") + (ShapedType::isDynamic(size) ? std::string("?") : std::to_string(size));
  return text + "]";
}

static void printFunction(llvm::raw_ostream &os, const EntryPoint &entry) {
  SmallVector<Type> returned;
  for (auto [type, alias] : llvm::zip(entry.results, entry.aliases))
    if (alias < 0)
      returned.push_back(type);
  os << "/* ";
  for (auto [i, type] : llvm::enumerate(entry.results)) {
    os << (i ? "; " : "") << "result " << i << " " << shapeComment(type);
    if (entry.aliases[i] >= 0)
      os << " is argument " << entry.aliases[i] << ", updated in place";
  }
  os << " */\n";
  bool structResult = returned.size() > 1, scalarResult = returned.size() == 1 && !isa<ShapedType>(returned[0]);
  if (structResult) {
    os << "typedef struct {\n";
    for (auto [i, type] : llvm::enumerate(returned))
      os << "  " << typeName(type) << " result" << i << ";\n";
    os << "} " << entry.name << "_results;\n";
  }
  os << (scalarResult ? typeName(returned[0]) : "void") << " _mlir_ciface_" << entry.name << "(";
  bool first = true;
  auto comma = [&] { os << (std::exchange(first, false) ? "" : ", "); };
  if (!returned.empty() && !scalarResult) {
    comma();
    os << (structResult ? entry.name + "_results" : typeName(returned[0])) << " *results";
  }
  for (auto [i, type] : llvm::enumerate(entry.arguments)) {
    comma();
    os << typeName(type) << (isa<ShapedType>(type) ? " *" : " ") << "argument" << i;
    if (std::string shape = shapeComment(type); !shape.empty())
      os << " /* " << shape << " */";
  }
  os << (first ? "void" : "") << ");\n\n";
}

std::string mlir::fptq::cHeader(ArrayRef<EntryPoint> entries, StringRef guard) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "/* Made by quant-fptq. Tensors are passed as descriptors: row-major data in `aligned`, `offset` 0. */\n"
     << "#ifndef " << guard << "\n#define " << guard << "\n\n#include <stdint.h>\n\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  llvm::StringSet<> seen;
  for (const EntryPoint &entry : entries)
    for (ArrayRef<Type> types : {ArrayRef<Type>(entry.arguments), ArrayRef<Type>(entry.results)})
      for (Type type : types)
        if (auto shaped = dyn_cast<ShapedType>(type))
          if (seen.insert(descriptorName(shaped)).second)
            printDescriptor(os, shaped);
  for (const EntryPoint &entry : entries)
    printFunction(os, entry);
  os << "#ifdef __cplusplus\n}\n#endif\n\n#endif /* " << guard << " */\n";
  return text;
}
