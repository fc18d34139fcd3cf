#include "services/log_lines.h"

namespace ionian::services {
namespace {

constexpr std::size_t kCostOfALine = 500;

}  // namespace

LogLines::Line& LogLines::append(const modal::client::TaskLogsBatch& batch,
                                 const modal::client::TaskLogs& item, std::string_view text) {
  const auto [it, is_new] = open_.try_emplace(from(batch, item));
  Line& line = it->second;
  if (is_new) {
    line.set_task_id(batch.task_id());
    line.set_function_id(batch.function_id());
    line.set_root_function_id(batch.root_function_id());
    line.set_input_id(batch.input_id());
    modal::client::TaskLogs& entry = *line.add_items();
    entry.set_timestamp(item.timestamp());
    entry.set_timestamp_ns(item.timestamp_ns());
    entry.set_file_descriptor(item.file_descriptor());
    entry.set_function_call_id(item.function_call_id());
    entry.set_input_id(item.input_id());
  }
  line.set_entry_id(batch.entry_id());
  line.mutable_items(0)->mutable_data()->append(text);
  bytes_ += text.size() + (is_new ? kCostOfALine : 0);
  return line;
}

LogLines::Line LogLines::close(const modal::client::TaskLogsBatch& batch,
                               const modal::client::TaskLogs& item) {
  Line line = std::move(open_.extract(from(batch, item)).mapped());
  bytes_ -= line.items(0).data().size() + kCostOfALine;
  return line;
}

}  // namespace ionian::services
