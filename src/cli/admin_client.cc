#include "cli/admin_client.h"

#include "base/clock.h"
#include "client/transport.h"

namespace ionian::cli {
Result<void> call_admin(const std::string& data, std::string_view method,
                        const google::protobuf::Message& request, google::protobuf::Message& reply,
                        Duration timeout) {
  const auto transport = client::make_grpc_transport({.url = {},
                                                      .scheme = client::Endpoint::Scheme::kUnix,
                                                      .host = {},
                                                      .port = {},
                                                      .path = cat(data, "/admin.sock")},
                                                     client::Proxy::kNone);
  if (!transport->connect(10s))
    return fail(Code::kUnavailable, "no server answers in ", data,
                ". Start it with `ionian serve --data ", data, "`");
  const client::WireReply answer = transport->unary({.path = cat("/ionian.Admin/", method),
                                                     .body = request.SerializeAsString(),
                                                     .metadata = {},
                                                     .timeout = timeout});
  if (!answer.status.ok()) return std::unexpected(answer.status);
  if (!reply.ParseFromString(answer.body))
    return fail(Code::kInternal, "the server's reply is no valid message");
  return {};
}

}  // namespace ionian::cli
