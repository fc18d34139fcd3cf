#pragma once
// Messages with descriptors between the server and its spawner, over a SOCK_SEQPACKET pair.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::container {

// Longer messages are refused: arguments and files of a container are small.
inline constexpr std::size_t kMaxPacketBytes = 32 << 20;

struct Packet {
  std::string bytes;
  std::vector<UniqueFd> fds;
};

enum class Wait { kNo, kYes };

// INVALID_ARGUMENT: it is too long.
Result<void> check_size(std::string_view bytes);

// False: the other side has not read enough yet (only with Wait::kNo). UNAVAILABLE: it is gone. At
// most 9 `fds`, which stay the caller's.
Result<bool> send_packet(int socket, std::string_view bytes, const std::vector<int>& fds,
                         Wait wait);

// Nothing: no message is there (only with Wait::kNo). UNAVAILABLE: the other side is gone.
Result<std::optional<Packet>> receive_packet(int socket, Wait wait);

}  // namespace ionian::container
