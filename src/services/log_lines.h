#pragma once
// Lines, made again of the pieces in which containers have written them: print() writes a line and
// its end one by one, and the lines of several containers come between each other.
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "modal_proto/common.pb.h"

namespace ionian::services {

class LogLines {
 public:
  static constexpr std::size_t kLineMax = 1 << 20;     // a longer one is taken for several
  static constexpr std::size_t kOpenBytes = 16 << 20;  // with more in unfinished ones, all are done

  // A line is a batch of one item, with the time and the call of its first piece.
  using Line = modal::client::TaskLogsBatch;

  // `take(Line)` for each line that ends with this item, with its end.
  template <class Take>
  void add(const modal::client::TaskLogsBatch& batch, const modal::client::TaskLogs& item,
           Take take) {
    std::string_view left = item.data();
    while (!left.empty()) {
      const std::size_t end = std::min(left.find('\n'), left.size() - 1) + 1;
      Line& line = append(batch, item, left.substr(0, end));
      left.remove_prefix(end);
      const std::string& text = line.items(0).data();
      if (text.ends_with('\n') || text.size() >= kLineMax) take(close(batch, item));
    }
    if (bytes_ > kOpenBytes) finish(take);
  }

  // The same for those that have not ended yet: nothing more comes.
  template <class Take>
  void finish(Take take) {
    bytes_ = 0;
    for (auto& [from, line] : std::exchange(open_, {})) take(std::move(line));
  }

 private:
  using From = std::pair<std::string, int>;  // a container and its stream
  static From from(const modal::client::TaskLogsBatch& batch, const modal::client::TaskLogs& item) {
    return {batch.task_id(), item.file_descriptor()};
  }
  Line& append(const modal::client::TaskLogsBatch& batch, const modal::client::TaskLogs& item,
               std::string_view text);
  Line close(const modal::client::TaskLogsBatch& batch, const modal::client::TaskLogs& item);

  std::map<From, Line> open_;
  std::size_t bytes_ = 0;  // of these, with what each costs beside its text
};

}  // namespace ionian::services
