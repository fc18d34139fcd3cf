// A server for the linked program: takes one pair of credentials. Prints its URL, ends with its
// standard input.
#include <cstdio>

#include "client/fake_server.h"
#include "modal_proto/token.pb.h"

int main() {
  const ionian::client::FakeServer server([](const ionian::client::FakeCall& call) {
    ionian::client::FakeReply reply;
    if (call.headers.at("x-modal-token-secret") != "as-right")
      reply.status = {grpc::StatusCode::UNAUTHENTICATED, "not known"};
    modal::client::TokenInfoGetResponse info;
    info.set_token_id(call.headers.at("x-modal-token-id"));
    info.set_workspace_name("linked");
    if (call.method == "TokenInfoGet") reply.body = info.SerializeAsString();
    return reply;
  });
  std::printf("%s\n", server.url().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}
