//===- Observers.h - from magnitudes to the range to cover -------*- C++ -*-===//
//
// An observer decides which max |x| the static scale of a layer covers. Facts (min, max, channel
// maxima, histogram) are recorded whatever the observer; only `absmax` is its opinion.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_PROFILE_OBSERVERS_H
#define FPTQ_PROFILE_OBSERVERS_H

#include "fptq/Profile/AbsHistogram.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace mlir::fptq {

class Observer {
public:
  virtual ~Observer() = default;

  /// One call of the layer whose largest magnitude was `absmax`.
  virtual void observeBatch(double absmax) {}
  /// The range to cover, given the largest magnitude of all calls and the histogram of all values.
  virtual double absmax(double seen, const AbsHistogram &histogram) const = 0;
  /// Whether these two are all that `absmax` depends on: runs can then be merged without asking each of them.
  virtual bool followsFromHistogram() const { return true; }

  /// `name` or `name=value`: min-max, moving-average[=0.01], percentile[=99.999], mse, entropy.
  /// An error lists the known names, or says what is wrong with the value.
  static llvm::Expected<std::unique_ptr<Observer>> create(llvm::StringRef spec);
};

/// Everything seen.
class MinMaxObserver : public Observer {
public:
  double absmax(double seen, const AbsHistogram &) const override { return seen; }
};

/// v += c * (v_batch - v), the first batch initializes (as PyTorch and llm-compressor have it).
/// The one observer that depends on the order of calls.
class MovingAverageObserver : public Observer {
public:
  explicit MovingAverageObserver(double c = 0.01) : c(c) {}
  void observeBatch(double absmax) override;
  double absmax(double seen, const AbsHistogram &) const override { return started ? average : seen; }
  bool followsFromHistogram() const override { return false; }

private:
  double c, average = 0;
  bool started = false;
};

/// The magnitude that `percent` of all values do not exceed.
class PercentileObserver : public Observer {
public:
  explicit PercentileObserver(double percent = 99.999) : percent(percent) {}
  double absmax(double seen, const AbsHistogram &histogram) const override;

private:
  double percent;
};

/// The clip with the least squared error of int8 codes, among 1.00, 0.99, ... 0.20 of what was
/// seen; the larger range wins a tie.
class MseObserver : public Observer {
public:
  double absmax(double seen, const AbsHistogram &histogram) const override;
};

/// The clip with the least Kullback-Leibler divergence between the clipped distribution and its
/// 128-level version (TensorRT's calibrator). It clips heavy tails hard: not for LLM activations.
class EntropyObserver : public Observer {
public:
  double absmax(double seen, const AbsHistogram &histogram) const override;
};

} // namespace mlir::fptq

#endif // FPTQ_PROFILE_OBSERVERS_H
