//===- SafetensorsWriter.cpp - one tensor at a time, resumable ------------===//
//
// The header is known before the first byte of data, so every tensor has its place at once. A
// journal beside the partial file lists what is complete: its first lines are the plan's header and the data's origin,
// and a run with another plan or origin starts over. Then a line for each tensor, with a checksum: what was written
// last before a machine lost its power may be there in the journal only.
//
//===----------------------------------------------------------------------===//
#include "fptq/Support/OutputFile.h"
#include "fptq/Support/Safetensors.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Errc.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"

#include <unistd.h>

using namespace llvm;
using namespace mlir::fptq;

struct SafetensorsWriter::Impl {
  struct Place {
    uint64_t offset, size;
  };
  std::string path, partial, journal;
  StringMap<Place> places;
  StringSet<> done;
  int file = -1, log = -1;
  bool resumable = false; ///< a later run goes on with what is left of this one

  Expected<uint64_t> place(ArrayRef<Plan> plan, uint64_t offset);
  StringSet<> readJournal(StringRef opening, StringRef header, uint64_t size) const;
  Error open(bool fresh);
  Error begin(StringRef opening, StringRef header, uint64_t size) const;
};

SafetensorsWriter::SafetensorsWriter() : impl(std::make_unique<Impl>()) {}

SafetensorsWriter::~SafetensorsWriter() {
  bool unfinished = impl->file >= 0;
  for (int descriptor : {impl->file, impl->log})
    if (descriptor >= 0)
      ::close(descriptor);
  if (unfinished && !impl->resumable)
    for (StringRef rest : {impl->partial, impl->journal})
      sys::fs::remove(rest);
}

static Error ioError(StringRef path, std::error_code ec) { return createFileError(path, ec); }
static Error lastError(StringRef path) { return ioError(path, std::error_code(errno, std::generic_category())); }

static Error writeAt(int file, StringRef path, const char *data, uint64_t size, uint64_t offset) {
  while (size) {
    ssize_t n = ::pwrite(file, data, size, offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return lastError(path);
    data += n, offset += n, size -= n;
  }
  return Error::success();
}

/// A line of the journal, whole: a full disk may take a part of it, which is no error of `write`.
static Error append(int file, StringRef path, StringRef text) {
  ssize_t n = ::write(file, text.data(), text.size());
  if (n == (ssize_t)text.size())
    return Error::success();
  return n < 0 ? lastError(path) : ioError(path, make_error_code(errc::no_space_on_device));
}

/// The header of `plan`, padded so that tensor data starts at a multiple of 64 in the file: mapped
/// weights then need no copy to be aligned.
static std::string headerFor(ArrayRef<SafetensorsWriter::Plan> plan, const StringMap<std::string> &metadata) {
  std::string text;
  raw_string_ostream os(text);
  json::OStream j(os);
  uint64_t offset = 0;
  j.object([&] {
    SmallVector<StringRef> keys(metadata.keys());
    llvm::sort(keys);
    if (!keys.empty())
      j.attributeObject("__metadata__", [&] {
        for (StringRef key : keys)
          j.attribute(key, metadata.lookup(key));
      });
    for (const SafetensorsWriter::Plan &p : plan)
      j.attributeObject(p.key, [&] {
        uint64_t size = safetensorsElementBytes(p.dtype);
        j.attribute("dtype", p.dtype);
        j.attributeArray("shape", [&] {
          for (int64_t d : p.shape) {
            j.value(d);
            size *= d;
          }
        });
        j.attributeArray("data_offsets", [&] {
          j.value((int64_t)offset);
          j.value((int64_t)(offset + size));
        });
        offset += size;
      });
  });
  text.append((64 - (text.size() + 8) % 64) % 64, ' ');
  return text;
}

/// True if `partial` is the file that a run with this header began. A crash of the machine may keep a journal and lose
/// what it speaks of.
static bool isBegun(StringRef partial, StringRef header, uint64_t size) {
  uint64_t there = 0;
  if (sys::fs::file_size(partial, there) || there != size)
    return false;
  auto start = MemoryBuffer::getFileSlice(partial, 8 + header.size(), 0);
  return start && (*start)->getBuffer().drop_front(8) == header;
}

static std::string checksum(ArrayRef<char> data) {
  return utohexstr(xxh3_64bits(ArrayRef(reinterpret_cast<const uint8_t *>(data.data()), data.size())));
}

/// What a killed run with the same `opening` of its journal had finished; empty where there is none.
StringSet<> SafetensorsWriter::Impl::readJournal(StringRef opening, StringRef header, uint64_t size) const {
  StringSet<> done;
  auto text = MemoryBuffer::getFile(journal);
  if (!text || !isBegun(partial, header, size))
    return done;
  auto data = MemoryBuffer::getFile(partial, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  StringRef rest = (*text)->getBuffer();
  if (!data || !rest.consume_front(opening))
    return done;
  while (true) { // a line without its newline was cut by the kill: not done
    auto [line, tail] = rest.split('\n');
    if (line.size() == rest.size())
      return done;
    auto [sum, key] = line.split(' ');
    auto place = places.find(key);
    if (place != places.end() && checksum((*data)->getBuffer().substr(place->second.offset, place->second.size)) == sum)
      done.insert(key);
    rest = tail;
  }
}

/// Gives each tensor its place from `offset` on; returns where the last one ends.
Expected<uint64_t> SafetensorsWriter::Impl::place(ArrayRef<Plan> plan, uint64_t offset) {
  for (const Plan &p : plan) {
    uint64_t size = safetensorsElementBytes(p.dtype);
    if (!size)
      return createStringError(path + ": tensor '" + p.key + "' has unsupported dtype '" + p.dtype + "'");
    for (int64_t d : p.shape)
      size *= d;
    if (!places.insert({p.key, {offset, size}}).second)
      return createStringError(path + ": tensor '" + p.key + "' is planned twice");
    offset += size;
  }
  return offset;
}

Error SafetensorsWriter::Impl::open(bool fresh) {
  auto disposition = fresh ? sys::fs::CD_CreateAlways : sys::fs::CD_OpenExisting;
  // Not emptied before it is known to be nobody else's.
  if (std::error_code ec = sys::fs::openFileForReadWrite(partial, file, sys::fs::CD_OpenAlways, sys::fs::OF_None))
    return ioError(partial, ec);
  if (sys::fs::tryLockFile(file)) {
    ::close(std::exchange(file, -1)); // the files are that process's: the destructor leaves them
    return createStringError("'" + path + "' is being written by another process");
  }
  if (std::error_code ec = fresh ? sys::fs::resize_file(file, 0) : std::error_code())
    return ioError(partial, ec);
  if (std::error_code ec =
          sys::fs::openFileForWrite(journal, log, disposition, fresh ? sys::fs::OF_None : sys::fs::OF_Append))
    return ioError(journal, ec);
  return Error::success();
}

/// A file of `size` bytes with the header, and a journal that says of what.
Error SafetensorsWriter::Impl::begin(StringRef opening, StringRef header, uint64_t size) const {
  if (std::error_code ec = sys::fs::resize_file(file, size))
    return ioError(partial, ec);
  char length[8];
  support::endian::write64le(length, header.size());
  if (Error e = writeAt(file, partial, length, sizeof(length), 0))
    return e;
  if (Error e = writeAt(file, partial, header.data(), header.size(), sizeof(length)))
    return e;
  return append(log, journal, opening);
}

Expected<std::unique_ptr<SafetensorsWriter>> SafetensorsWriter::create(StringRef path, ArrayRef<Plan> plan,
                                                                       const StringMap<std::string> &metadata,
                                                                       bool resume, StringRef origin) {
  std::unique_ptr<SafetensorsWriter> writer(new SafetensorsWriter);
  Impl &w = *writer->impl;
  w.path = path.str(), w.partial = w.path + ".partial", w.journal = w.path + ".journal";
  w.resumable = resume;
  if (Error e = checkReplaceable(path))
    return std::move(e);
  std::string header = headerFor(plan, metadata);
  Expected<uint64_t> size = w.place(plan, 8 + header.size());
  if (!size)
    return size.takeError();
  std::string opening = header + "\n" + origin.str() + "\n";
  if (resume)
    w.done = w.readJournal(opening, header, *size);
  bool fresh = w.done.empty();
  if (Error e = w.open(fresh))
    return std::move(e);
  if (!fresh)
    return writer;
  if (Error e = w.begin(opening, header, *size))
    return std::move(e);
  return writer;
}

bool SafetensorsWriter::isDone(StringRef key) const { return impl->done.contains(key); }

Error SafetensorsWriter::write(StringRef key, ArrayRef<char> data) {
  auto place = impl->places.find(key);
  if (place == impl->places.end())
    return createStringError(impl->path + ": tensor '" + key + "' was not planned");
  if (place->second.size != data.size())
    return createStringError(impl->path + ": tensor '" + key + "' has " + Twine(data.size()) + " bytes, planned were " +
                             Twine(place->second.size));
  if (Error e = writeAt(impl->file, impl->partial, data.data(), data.size(), place->second.offset))
    return e;
  if (Error e = append(impl->log, impl->journal, checksum(data) + " " + key.str() + "\n"))
    return e;
  impl->done.insert(key);
  return Error::success();
}

Error SafetensorsWriter::finish() {
  for (auto &place : impl->places)
    if (!isDone(place.first()))
      return createStringError(impl->path + ": tensor '" + place.first() + "' was never written");
  ::close(std::exchange(impl->file, -1));
  ::close(std::exchange(impl->log, -1));
  if (std::error_code ec = sys::fs::rename(impl->partial, impl->path))
    return ioError(impl->path, ec);
  sys::fs::remove(impl->journal);
  return Error::success();
}
