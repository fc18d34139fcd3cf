#pragma once
// What somebody may have meant who named something that is not there.
#include "modal_proto/common.pb.h"
#include "services/context.h"

namespace ionian::services {

// How many letters differ: changed, missing, too many, or two that changed places.
std::size_t edit_distance(std::string_view a, std::string_view b);

class Suggestions {
 public:
  explicit Suggestions(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // ObjectSuggest. Names of deployed apps or their functions that look like the query, the nearest
  // first.   in  "app" or "app/function"   errors  NOT_FOUND environment
  Result<modal::client::ObjectSuggestResponse> suggest(
      rpc::Call& call, const modal::client::ObjectSuggestRequest& request, store::View& view);

  Context& c_;
};

}  // namespace ionian::services
