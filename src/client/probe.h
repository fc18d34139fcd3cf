#pragma once
// Why a server cannot be reached, found out step by step: name, connection, certificate, protocol.
#include <string>

#include "base/clock.h"
#include "client/endpoint.h"

namespace ionian::client {

enum class ReachStep { kName, kConnection, kTls, kProtocol, kReached };

struct Reach {
  ReachStep step = ReachStep::kReached;  // the first that failed
  bool timed_out = false;
  std::string cause;  // one line, for a person
  std::string mend;   // what to do about it
  // Addresses that the name has, the TLS version, … of the steps that went well.
  std::string addresses, tls;
};

// Connects to `endpoint` once, waits at most `timeout` (the resolver keeps its own time), sends
// nothing but the greetings of TLS and HTTP/2.
Reach probe(const Endpoint& endpoint, Duration timeout);

}  // namespace ionian::client
