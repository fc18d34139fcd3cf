#pragma once
// What the server and its spawner have to tell each other, and cannot send yet.
#include <deque>
#include <vector>

#include "base/fd.h"
#include "container/packet.h"

namespace ionian::container {

class Outbox {
 public:
  void push(std::string bytes, std::vector<UniqueFd> fds) {
    packets_.push_back({std::move(bytes), std::move(fds)});
  }
  bool empty() const { return packets_.empty(); }
  // Sends what the other side takes just now.   errors   UNAVAILABLE it is gone
  Result<void> flush(int socket) {
    while (!packets_.empty()) {
      std::vector<int> fds;
      for (const UniqueFd& fd : packets_.front().fds) fds.push_back(fd.get());
      ASSIGN_OR_RETURN(const bool sent,
                       send_packet(socket, packets_.front().bytes, fds, Wait::kNo));
      if (!sent) break;
      packets_.pop_front();
    }
    return {};
  }

 private:
  std::deque<Packet> packets_;
};

}  // namespace ionian::container
