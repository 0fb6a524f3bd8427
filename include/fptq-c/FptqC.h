//===- FptqC.h - C interface of quant-fptq ------------------------*- C -*-===//
//
// Support.h   versions, contexts, errors, tensors      Profile.h  ranges, policies, calibration
// Module.h    parse, transform, write models           Compile.h  machine code, calls, object files
//
// are here, in plain C without other headers, and besides, for NVIDIA devices, Gpu.h. Whoever has MLIR in hand includes
// besides, with MLIR's own C headers on the include path,
//
// Dialect.h   registration; handles of MLIR and ours   Attributes.h  policies, schemes, ranges, layouts
//
// libFPTQ-C.so has all of it, and MLIR's own C API (mlir-c/*.h), which released LLVM ships in no shared library.
//
// Stability: functions are added, never changed or removed, within a minor version (fptqVersion), which the
// library's SONAME carries. Structs passed by the caller stay as they are; enumerations get new values at
// their end.
// Ownership: what a function named ...Create, ...Parse, ...Load or ...Compile returns is the caller's and is
// given back by the matching ...Destroy, in any order; NULL is accepted there. Strings that are returned stay
// valid until the next call on the same object. A handle that was given back must not be used again.
// Threads: one context and what was made from it belong to one thread at a time; different contexts are
// independent, except that there is one calibration at a time in a process.
// Errors: functions that can fail return NULL or non-zero and fptqLastError tells why: every diagnostic with its
// location and notes, a line each. A null handle, a truncated file, a shape that does not fit: all are such
// errors, after which every handle may still be used. Nothing is printed and nothing exits. Five cases are out of
// our hands: no memory for a tensor ends the process, as everywhere in LLVM; so does compiled code, with a word on
// stderr, where an assertion of the model fails or memory has no room for a buffer of its own; MLIR prints the value
// of a pass option that is no number ("v0=many") on stderr besides failing; MLIR's reader believes the lengths inside
// bytecode, so that bytes which somebody falsified, other than a file cut off, can crash it: read text from those
// you do not trust; and LLVM ends the process where its code generator meets what it cannot translate, which only
// a module with LLVM dialect or inline assembly of its own can bring about.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_C_FPTQC_H
#define FPTQ_C_FPTQC_H

#include "fptq-c/Compile.h"
#include "fptq-c/Module.h"
#include "fptq-c/Profile.h"
#include "fptq-c/Support.h"

#endif // FPTQ_C_FPTQC_H
