#pragma once
// The part of a Session that belongs to one process. After fork() the child makes its own: the
// parent's threads, and with them whoever held its locks, are not there.
#include <condition_variable>
#include <mutex>

#include "client/session.h"

namespace ionian::client {

struct Session::State {
  struct Link {
    Endpoint endpoint;
    std::shared_ptr<Transport> transport;
  };

  pid_t pid = 0;
  std::mutex mutex;  // guards what follows, but is not held while waiting for the network
  std::condition_variable changed;  // closed
  bool resolved = false;
  std::string url_origin;
  Metadata identity;  // sent with every call
  std::vector<Link> links;
  std::size_t current = 0;
  bool was_connected = false;
  std::mutex connecting;  // one thread at a time tries
};

// The headers that say who calls and with what.
Metadata common_headers();

}  // namespace ionian::client
