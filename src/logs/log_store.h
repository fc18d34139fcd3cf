#pragma once
// What containers and image builds print: append-only files, one folder a stream (an app or an
// image).
//
// A cursor is the position behind the last entry that was read, "<segment>-<offset>"; it is the
// entry_id that clients send back, so a reader that comes again needs no state here. A stream is
// bounded: beyond so many segments its oldest output goes, and a reader that was still there
// goes on with the oldest that is left. One thread owns a LogStore.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "modal_proto/common.pb.h"

namespace ionian::logs {

class LogStore {
 public:
  static constexpr std::uint64_t kSegmentBytes = 64 << 20;
  static constexpr std::uint64_t kSegmentsMax = 16;

  // `bytes_max`: of a stream; two segments at least.
  explicit LogStore(std::string folder, std::uint64_t bytes_max = kSegmentsMax * kSegmentBytes)
      : folder_(std::move(folder)),
        segments_max_(std::max<std::uint64_t>(2, bytes_max / kSegmentBytes)) {}

  // Appends a batch and gives it its entry_id. Output that cannot be written (disk full) is dropped
  // with one warning.
  void append(const std::string& stream, modal::client::TaskLogsBatch batch);

  // Entries after `cursor` ("" = from the start), about `bytes_max` of them; moves the cursor
  // behind the last.
  std::vector<modal::client::TaskLogsBatch> read(const std::string& stream, std::string& cursor,
                                                 std::size_t bytes_max);

  // Output of which nothing is younger goes, segment by segment.
  void remove_older_than(Time before);

  // Nothing more will come. Readers that have read all are told so, if not too many have ended
  // since.
  void end(const std::string& stream);
  bool ended(const std::string& stream) const;

  static std::string key(const std::string& stream) { return "logs:" + stream; }

 private:
  struct Stream {
    UniqueFd file;  // the last segment, open for appending
    std::uint64_t first = 0, last = 0, size = 0;
    bool ended = false, loaded = false, warned = false;
    bool checked = false;  // the last segment ends with a whole entry
  };
  struct Position {
    std::uint64_t segment = 0, offset = 0;
  };
  static Position parse(const std::string& cursor);
  std::string segment_path(const std::string& stream, std::uint64_t segment) const;
  Stream& load(const std::string& stream);
  void close(Stream& stream);
  Result<void> write(const std::string& name, Stream& stream, const std::string& record);
  Result<void> cut_off_part(Stream& stream, std::uint64_t end);

  const std::string folder_;
  const std::uint64_t segments_max_;
  std::unordered_map<std::string, Stream> streams_;
  std::size_t open_files_ = 0;     // of the streams
  std::deque<std::string> ended_;  // the latest, which are all that is known to have ended
};

}  // namespace ionian::logs
