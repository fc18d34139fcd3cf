#pragma once
// The server that the settings name, as commands call it.
#include <google/protobuf/empty.pb.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "client/session.h"

namespace ionian::cli {

// What the settings say. Throws at the first call, as Config::credentials().
std::unique_ptr<client::Session> configured_server();

// The reply of a method; every failure is thrown as the library's error.
template <class Reply = google::protobuf::Empty>
Reply call(client::Session& server, std::string_view method,
           const google::protobuf::MessageLite& request = google::protobuf::Empty(),
           const client::CallOptions& options = {}) {
  Reply reply;
  server.call(method, request, reply, options);
  return reply;
}

// The id of an environment; "" is the workspace's default. NotFoundError: there is none of that
// name.
std::string environment_id(client::Session& server, const std::string& name);

// A command: its page is what --help shows below the options, its action runs with the warnings
// about the file of profiles before it, and an Error of the library ends it with code 1.
Command add_command(Command group, const std::string& name, const std::string& description,
                    std::string_view page, std::function<void()> action);
// A command that has commands of its own.
Command add_group(Command group, const std::string& name, const std::string& description);

// Ends the command with code 2: it was called wrongly.
[[noreturn]] void die_of_usage(std::string_view message);

}  // namespace ionian::cli
