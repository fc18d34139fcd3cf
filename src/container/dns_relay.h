#pragma once
// The loop of the DNS forwarder's process.
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::container {

class DnsRelay {
 public:
  // `control` carries an id with two sockets (UDP, TCP listener) to serve, or an id alone to stop.
  DnsRelay(UniqueFd control, std::string resolver_file);
  // Until the other end of `control` is closed.
  void run();

 private:
  using Clock = std::chrono::steady_clock;
  using Handler = std::function<void(std::uint32_t events)>;

  struct Container {
    UniqueFd udp, tcp;
    int queries = 0;
    int connections = 0;
  };
  struct Query {
    UniqueFd upstream;
    std::uint64_t container;
    sockaddr_in from;
    std::string question;
    Clock::time_point deadline;
  };
  struct Direction {
    std::string waiting;  // read from one side, not yet taken by the other
    bool ended = false;
  };
  struct Connection {
    UniqueFd client, upstream;
    Direction up, down;
    std::uint64_t container;
    Clock::time_point deadline;
  };
  struct Resolver {
    sockaddr_storage address{};
    socklen_t length = 0;
  };

  void watch(int fd, std::uint32_t events, Handler handler);
  void unwatch(int fd);
  void on_control();
  void remove(std::uint64_t id);
  void on_question(std::uint64_t id);
  void on_answer(int upstream);
  void end_query(int upstream);
  void on_accept(std::uint64_t id);
  void pump(int client);
  void end_connection(int client);
  void expire();
  UniqueFd dial(int type);
  void read_resolvers();

  UniqueFd control_;
  UniqueFd epoll_;
  std::string resolver_file_;
  timespec resolvers_read_{};
  std::vector<Resolver> resolvers_;
  std::size_t next_resolver_ = 0;  // moves on when one did not answer
  std::map<int, Handler> handlers_;
  std::map<std::uint64_t, Container> containers_;
  std::map<int, Query> queries_;           // by upstream
  std::map<int, Connection> connections_;  // by client
  bool done_ = false;
};

}  // namespace ionian::container
