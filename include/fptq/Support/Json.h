//===- Json.h - JSON of other people's files ---------------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_JSON_H
#define FPTQ_SUPPORT_JSON_H

#include "llvm/Support/JSON.h"

namespace mlir::fptq {

/// llvm::json::parse, which recurses: an error where brackets are nested so deep that it would end the program.
llvm::Expected<llvm::json::Value> parseJson(llvm::StringRef text);

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_JSON_H
