#pragma once
// Which output the requests for logs, of now and of the past, want.
#include "modal_proto/common.pb.h"

namespace ionian::services {

// By where it came from. function_id stands for a function with all its variants,
// parametrized_function_id for one of them, whose containers log under its id; empty ids want all.
template <class Request>
bool comes_from_wanted(const Request& r, const modal::client::TaskLogsBatch& b) {
  return (r.function_id().empty() || r.function_id() == b.function_id() ||
          r.function_id() == b.root_function_id()) &&
         (r.parametrized_function_id().empty() ||
          r.parametrized_function_id() == b.function_id()) &&
         (r.task_id().empty() || r.task_id() == b.task_id());
}

}  // namespace ionian::services
