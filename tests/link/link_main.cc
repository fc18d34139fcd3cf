// A user's program: its own protobuf, of whatever version, beside the library. Says hello to the
// server of its argument, also from a child of fork().
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <ionian/client.hpp>
#include <ionian/config.hpp>

namespace {

bool own_protobuf_works() {
  google::protobuf::Struct message;
  (*message.mutable_fields())["a"].set_number_value(1);
  std::string json;
  (void)google::protobuf::util::MessageToJsonString(message, &json);
  return json == "{\"a\":1}";
}

int child_says_hello(const ionian::Client& client) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    try {
      client.hello();
    } catch (const ionian::Error& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !own_protobuf_works()) return 2;
  try {
    const ionian::Client client({.server_url = argv[1]});
    client.hello();
    const ionian::TokenInfo info = client.token_info();
    std::printf("%s %s\n", info.token_id.c_str(), info.workspace.c_str());
    if (child_says_hello(client) != 0) return 3;
    client.hello();
  } catch (const ionian::AuthError& error) {
    std::fprintf(stderr, "AuthError: %s\n", error.what());
    return 4;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 5;
  }
  return 0;
}
