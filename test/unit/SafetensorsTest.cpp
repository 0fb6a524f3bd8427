#include "fptq/Support/Safetensors.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <gtest/gtest.h>

#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir::fptq;

namespace {
struct Safetensors : testing::Test {
  void SetUp() override { ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("fptq-safetensors", directory)); }
  void TearDown() override { llvm::sys::fs::remove_directories(directory); }

  std::string at(llvm::StringRef name) {
    llvm::SmallString<128> path(directory);
    llvm::sys::path::append(path, name);
    return std::string(path);
  }

  /// A file of this header and `bytes` zero bytes of data; the error of opening it, or "".
  std::string errorOf(std::string header, size_t bytes, uint64_t claimed = ~0ull) {
    std::string path = at("file.safetensors");
    char length[8];
    llvm::support::endian::write64le(length, claimed == ~0ull ? header.size() : claimed);
    std::ofstream(path, std::ios::binary) << std::string(length, 8) << header << std::string(bytes, '\0');
    auto file = SafetensorsFile::open(path);
    if (file)
      return "";
    std::string text = llvm::toString(file.takeError());
    EXPECT_NE(text.find("file.safetensors"), std::string::npos) << "every error names the file: " << text;
    return text;
  }

  llvm::SmallString<128> directory;
};
} // namespace

TEST_F(Safetensors, GoodFileOpens) {
  EXPECT_EQ(errorOf(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8), "");
}

TEST_F(Safetensors, LiesAreRefused) {
  EXPECT_NE(errorOf("{}", 0, 1000).find("truncated"), std::string::npos);
  EXPECT_NE(errorOf("{}", 0, ~1ull).find("truncated"), std::string::npos);
  EXPECT_NE(errorOf("{nonsense", 0).find("not JSON"), std::string::npos);
  EXPECT_NE(errorOf(R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", 8).find("outside the file"),
            std::string::npos);
  EXPECT_NE(errorOf(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8).find("8 bytes"), std::string::npos);
  EXPECT_NE(errorOf(R"({"a":{"dtype":"Q9","shape":[2],"data_offsets":[0,8]}})", 8).find("dtype 'Q9'"),
            std::string::npos);
  EXPECT_NE(errorOf(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8).find("'a'"), std::string::npos);
  EXPECT_NE(errorOf(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})", 8).find("'a'"),
            std::string::npos);
  EXPECT_NE(errorOf(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8).find("outside"), std::string::npos);
  EXPECT_NE(
      errorOf(
          R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
          8)
          .find("overlap"),
      std::string::npos);
}

TEST_F(Safetensors, KilledRunGoesOn) {
  std::string path = at("out.safetensors");
  std::vector<SafetensorsWriter::Plan> plan = {{"a", "U8", {4}}, {"b", "F32", {1}}};
  std::vector<char> a = {1, 2, 3, 4}, b = {0, 0, char(0x80), 0x3f};
  {
    auto writer = SafetensorsWriter::create(path, plan, {}, /*resume=*/true);
    ASSERT_TRUE(bool(writer));
    ASSERT_FALSE(bool((*writer)->write("a", a)));
  } // killed here: nothing under the final name
  EXPECT_FALSE(llvm::sys::fs::exists(path));
  auto writer = SafetensorsWriter::create(path, plan, {}, /*resume=*/true);
  ASSERT_TRUE(bool(writer));
  EXPECT_TRUE((*writer)->isDone("a"));
  EXPECT_FALSE((*writer)->isDone("b"));
  ASSERT_FALSE(bool((*writer)->write("b", b)));
  ASSERT_FALSE(bool((*writer)->finish()));
  auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(bool(file));
  EXPECT_EQ((*file)->find("a")->data, llvm::ArrayRef<char>(a));
  EXPECT_EQ((*file)->find("b")->data, llvm::ArrayRef<char>(b));
}

/// The journal says that `a` is done, and the data that it means is gone: after a crash of the machine, or by hand.
/// Locks belong to processes, so that this takes two.
TEST_F(Safetensors, SecondWriterLeavesTheFirstOnesFiles) {
  const SafetensorsWriter::Plan plan[] = {{"a", "U8", {4}}};
  auto first = SafetensorsWriter::create(at("out.safetensors"), plan, {}, /*resume=*/false);
  ASSERT_TRUE(bool(first));
  pid_t child = fork();
  if (child == 0) {
    bool isRefused;
    {
      auto second = SafetensorsWriter::create(at("out.safetensors"), plan, {}, /*resume=*/false);
      isRefused = !second && llvm::toString(second.takeError()).find("by another process") != std::string::npos;
    }
    _exit(isRefused ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "the second writer was not refused";
  ASSERT_FALSE(bool((*first)->write("a", {1, 2, 3, 4})));
  EXPECT_EQ(llvm::toString((*first)->finish()), "");
  EXPECT_TRUE(llvm::sys::fs::exists(at("out.safetensors")));
}

TEST_F(Safetensors, LostDataStartsOver) {
  std::string path = at("lost.safetensors"), partial = path + ".partial";
  std::vector<SafetensorsWriter::Plan> plan = {{"a", "U8", {4}}};
  std::vector<char> a = {1, 2, 3, 4};
  auto truncate = [&] {
    int file = 0;
    ASSERT_FALSE(llvm::sys::fs::openFileForReadWrite(partial, file, llvm::sys::fs::CD_OpenExisting, {}));
    ASSERT_FALSE(llvm::sys::fs::resize_file(file, 10));
    llvm::sys::fs::closeFile(file);
  };
  auto zero = [&] { // of the full size, with its header: blocks that never reached the disk
    int file = 0;
    ASSERT_FALSE(llvm::sys::fs::openFileForReadWrite(partial, file, llvm::sys::fs::CD_OpenExisting, {}));
    uint64_t size = 0;
    ASSERT_FALSE(llvm::sys::fs::file_size(partial, size));
    ASSERT_FALSE(llvm::sys::fs::resize_file(file, size - 2));
    ASSERT_FALSE(llvm::sys::fs::resize_file(file, size));
    llvm::sys::fs::closeFile(file);
  };
  auto overwrite = [&] {
    uint64_t size = 0;
    ASSERT_FALSE(llvm::sys::fs::file_size(partial, size));
    std::error_code ec;
    llvm::raw_fd_ostream(partial, ec) << std::string(size, '\0');
  };
  for (llvm::function_ref<void()> lose : {llvm::function_ref<void()>(truncate), {zero}, {overwrite}}) {
    {
      auto writer = SafetensorsWriter::create(path, plan, {}, /*resume=*/true);
      ASSERT_TRUE(bool(writer));
      ASSERT_FALSE(bool((*writer)->write("a", a)));
    }
    lose();
    auto writer = SafetensorsWriter::create(path, plan, {}, /*resume=*/true);
    ASSERT_TRUE(bool(writer));
    EXPECT_FALSE((*writer)->isDone("a"));
    ASSERT_FALSE(bool((*writer)->write("a", a)));
    ASSERT_FALSE(bool((*writer)->finish()));
    EXPECT_TRUE(bool(SafetensorsFile::open(path)));
  }
}

TEST_F(Safetensors, OtherOriginStartsOver) {
  std::string path = at("origin.safetensors");
  std::vector<SafetensorsWriter::Plan> plan = {{"a", "U8", {4}}};
  auto begun = [&](llvm::StringRef origin) {
    auto writer = SafetensorsWriter::create(path, plan, {}, /*resume=*/true, origin);
    EXPECT_TRUE(bool(writer));
    bool done = (*writer)->isDone("a");
    EXPECT_FALSE(bool((*writer)->write("a", std::vector<char>{1, 2, 3, 4})));
    return done;
  };
  EXPECT_FALSE(begun("one"));
  EXPECT_TRUE(begun("one"));
  EXPECT_FALSE(begun("two"));
  EXPECT_FALSE(begun("one")) << "what is there now is of the other";
}

TEST_F(Safetensors, OtherPlanStartsOver) {
  std::string path = at("out.safetensors");
  std::vector<char> a = {1, 2, 3, 4};
  {
    auto writer = SafetensorsWriter::create(path, {{"a", "U8", {4}}}, {}, true);
    ASSERT_FALSE(bool((*writer)->write("a", a)));
  }
  auto writer = SafetensorsWriter::create(path, {{"a", "U8", {4}}, {"c", "U8", {1}}}, {}, true);
  ASSERT_TRUE(bool(writer));
  EXPECT_FALSE((*writer)->isDone("a"));
  EXPECT_NE(llvm::toString((*writer)->write("c", a)), "") << "wrong size is refused";
}
