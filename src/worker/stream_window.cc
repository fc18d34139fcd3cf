#include "worker/stream_window.h"

namespace ionian::worker {

void StreamWindow::push(std::string_view bytes) {
  CHECK(bytes.size() <= room());
  bytes_ += bytes;
  if (bytes_.size() <= most_) return;
  // In large steps: each moves all that stays.
  const std::uint64_t droppable = taken_ - start_;
  const std::size_t drop = std::min<std::uint64_t>(droppable, bytes_.size() - most_ / 2);
  bytes_.erase(0, drop);
  start_ += drop;
}

void StreamWindow::drop_taken() {
  bytes_.erase(0, taken_ - start_);
  bytes_.shrink_to_fit();
  start_ = taken_;
}

Result<std::string_view> StreamWindow::read(std::uint64_t offset, std::size_t most) {
  if (offset < start_)
    return fail(Code::kOutOfRange, "the output before byte ", start_,
                " is no longer kept: more than ", most_, " bytes came after it");
  if (offset > end()) return std::string_view();
  taken_ = std::max(taken_, offset);
  return std::string_view(bytes_).substr(offset - start_, most);
}

}  // namespace ionian::worker
