#pragma once
// Addresses that carry a right to one block: to send it, or to fetch a slice of it.
#include "base/clock.h"
#include "blobs/signed_url.h"
#include "volumes/blocks.h"

namespace ionian::volumes {

struct BlockRight {
  std::string method;  // "GET", "PUT"
  WorkspaceId workspace;
  std::string content;  // 32 bytes
  std::uint64_t number = 0;
  std::string block;                   // PUT: its hash, 32 bytes
  std::uint64_t from = 0, length = 0;  // GET: of what is fetched, within the block
  std::string side;                    // the task that asked; "" = a client outside
  Time expires;
};

// A client gets the addresses of all of a large file at once.
inline constexpr Duration kBlockUrlLife = 24h;
inline constexpr std::string_view kBlockPrefix = "/volume-blocks/";

std::string signed_target(const BlockRight& right, const blobs::Signer& sign);
// PERMISSION_DENIED with the reason.
Result<BlockRight> check_target(std::string_view method, std::string_view target,
                                std::string_view side, Time now, const blobs::Signer& sign);

}  // namespace ionian::volumes
