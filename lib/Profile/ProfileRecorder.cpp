//===- ProfileRecorder.cpp - ranges while a model runs --------------------===//
#include "fptq/Profile/ProfileRecorder.h"
#include "fptq/Profile/Observers.h"
#include "fptq/Profile/RangeProfile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <limits>
#include <mutex>

using namespace mlir::fptq;
using llvm::ArrayRef;
using llvm::StringRef;

namespace {
/// One layer: facts, the observer's state, and a lock of its own so that layers do not wait for each other.
struct LayerState {
  std::mutex mutex;
  LayerRange facts;
  std::unique_ptr<Observer> observer;
  int64_t nonFinite = 0;

  void record(ArrayRef<float> data, int64_t channels);

private:
  void updateChannels(ArrayRef<float> data);
};
} // namespace

/// Channel minima and maxima over the rows of `data`; values that are not finite are counted apart.
void LayerState::updateChannels(ArrayRef<float> data) {
  int64_t k = facts.channels;
  for (; !data.empty(); data = data.drop_front(k)) {
    for (int64_t j = 0; j < k; ++j) {
      float v = data[j];
      if (!std::isfinite(v)) {
        ++nonFinite;
        continue;
      }
      facts.channelMin[j] = std::min(facts.channelMin[j], v);
      facts.channelMax[j] = std::max(facts.channelMax[j], v);
    }
  }
}

void LayerState::record(ArrayRef<float> data, int64_t channels) {
  std::lock_guard<std::mutex> lock(mutex);
  if (channels <= 0 || data.size() % channels) {
    facts.fault = llvm::formatv("{0} values are not whole rows of {1} channels", data.size(), channels);
    return;
  }
  if (facts.channels && facts.channels != channels) {
    facts.fault = llvm::formatv("ran with {0} channels and with {1}", facts.channels, channels);
    return;
  }
  if (data.empty())
    return;
  if (!facts.channels) {
    facts.channels = channels;
    facts.channelMin.assign(channels, std::numeric_limits<float>::infinity());
    facts.channelMax.assign(channels, -std::numeric_limits<float>::infinity());
  }
  updateChannels(data);
  if (nonFinite) {
    facts.fault = llvm::formatv("{0} values are NaN or infinite", nonFinite);
    return;
  }
  facts.tokens += data.size() / channels;
  facts.histogram.add(data);
  float largest = 0;
  for (float v : data)
    largest = std::max(largest, std::fabs(v));
  observer->observeBatch(largest);
}

struct ProfileRecorder::Impl {
  std::string spec;
  mutable std::mutex mutex; // guards the list; each layer guards itself
  llvm::StringMap<LayerState *> byName;
  std::vector<std::unique_ptr<LayerState>> inOrder;

  LayerState &layer(StringRef name);
};

LayerState &ProfileRecorder::Impl::layer(StringRef name) {
  std::lock_guard<std::mutex> lock(mutex);
  LayerState *&state = byName[name];
  if (!state) {
    inOrder.push_back(std::make_unique<LayerState>());
    state = inOrder.back().get();
    state->facts.layer = name.str();
    state->observer = llvm::cantFail(Observer::create(spec)); // `create` has read it before
  }
  return *state;
}

ProfileRecorder::ProfileRecorder() : impl(std::make_unique<Impl>()) {}
ProfileRecorder::~ProfileRecorder() = default;

llvm::Expected<std::unique_ptr<ProfileRecorder>> ProfileRecorder::create(StringRef observer) {
  if (auto parsed = Observer::create(observer); !parsed)
    return parsed.takeError();
  std::unique_ptr<ProfileRecorder> recorder(new ProfileRecorder);
  recorder->impl->spec = observer.str();
  return recorder;
}

void ProfileRecorder::record(StringRef layer, ArrayRef<float> data, int64_t channels) {
  impl->layer(layer).record(data, channels);
}

/// Whole-tensor figures follow from the channels'.
static LayerRange summarize(LayerRange facts, const Observer &observer) {
  if (facts.tokens == 0)
    return facts;
  facts.min = *llvm::min_element(facts.channelMin);
  facts.max = *llvm::max_element(facts.channelMax);
  facts.channelAbsmax.resize(facts.channels);
  for (int64_t j = 0; j < facts.channels; ++j)
    facts.channelAbsmax[j] = std::max(std::fabs(facts.channelMin[j]), std::fabs(facts.channelMax[j]));
  facts.absmax = observer.absmax(*llvm::max_element(facts.channelAbsmax), facts.histogram);
  return facts;
}

RangeProfile ProfileRecorder::profile() const {
  std::lock_guard<std::mutex> lock(impl->mutex);
  RangeProfile result;
  result.observer = impl->spec;
  for (const std::unique_ptr<LayerState> &state : impl->inOrder) {
    std::lock_guard<std::mutex> layerLock(state->mutex);
    result.layers.push_back(summarize(state->facts, *state->observer));
  }
  return result;
}
