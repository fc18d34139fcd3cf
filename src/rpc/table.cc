#include "rpc/table.h"

namespace ionian::rpc {

const Method* Table::find(std::string_view path) const {
  const auto it = methods_.find(path);
  return it == methods_.end() ? nullptr : &it->second;
}

Method& Table::insert(Method method) {
  CHECK(method.room != nullptr);
  auto [it, fresh] = methods_.emplace(method.path, std::move(method));
  CHECK(fresh);
  return it->second;
}

Answer call_handler(ActiveCall& active, void* room_state) {
  try {
    return active.method().handle(active.call(), active.request(), room_state);
  } catch (const std::exception& e) {
    return fail(Code::kInternal, "unexpected: ", e.what());
  }
}

StreamAnswer call_stream_handler(ActiveCall& active, void* room_state, Emitter& out) {
  try {
    return active.method().stream(active.call(), active.request(), room_state, out);
  } catch (const std::exception& e) {
    return Status{Code::kInternal, cat("unexpected: ", e.what())};
  }
}

}  // namespace ionian::rpc
