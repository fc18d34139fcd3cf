#include "cli/admin_client.h"

#include "base/clock.h"
#include "rpc/client.h"

namespace ionian::cli {

Result<void> call_admin(const std::string& data, std::string_view method, const google::protobuf::Message& request,
                        google::protobuf::Message& reply) {
  Result<void> done = rpc::call_unary(cat("unix:", data, "/admin.sock"), cat("/ionian.Admin/", method), request, reply, 10s);
  if (!done && done.error().code == Code::kUnavailable)
    return fail(Code::kUnavailable, "no server answers in ", data, ". Start it with `ionian serve --data ", data, "`");
  return done;
}

}  // namespace ionian::cli
