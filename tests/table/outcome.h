#pragma once
// What a call comes to, as its caller and the disk see it, without gRPC.
#include "world.h"

namespace ionian::server {

struct Outcome {
  std::string answer;  // "NOT_FOUND app … not found", "OK …", "waits"
  std::uint64_t statements = 0;
  bool operator==(const Outcome&) const = default;
};

// Runs the handler in the state of its room. What it writes to the disk is undone each time, so
// that one call does not change what the next one finds.
Outcome outcome_of(World& w, const rpc::Method& method, const rpc::Caller& who,
                   const google::protobuf::Message& request);

}  // namespace ionian::server
