#pragma once
// Addresses that carry a right: one method on one blob, for a while, for the side that asked.
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace ionian::blobs {

// What a blob's address allows. `part` 0 is the whole blob, 1… a part of a large one.
struct BlobRight {
  std::string method;  // "GET", "PUT"; "POST" completes an upload in parts
  WorkspaceId workspace;
  BlobId blob;
  std::uint64_t length = 0;  // of what is sent or fetched
  int part = 0;
  int parts = 0;     // of "POST": how many
  std::string side;  // the task that asked; "" = a client outside
  Time expires;
};

// Keyed hash of a text, as hex.
using Signer = std::function<std::string(std::string_view)>;

inline constexpr Duration kUrlLife = 15min;
// Of a large blob's parts and their end: a client has all of these addresses before it sends the
// first part, and can ask for no new ones.
inline constexpr Duration kPartUrlLife = 24h;

inline Duration life_of(const BlobRight& right) {
  return right.part || right.parts ? kPartUrlLife : kUrlLife;
}

// "/blobs/…?…&sig=…"
std::string signed_target(const BlobRight& right, const Signer& sign);

// PERMISSION_DENIED with the reason: not signed by us, over, or for another method or side.
Result<BlobRight> check_target(std::string_view method, std::string_view target,
                               std::string_view side, Time now, const Signer& sign);

}  // namespace ionian::blobs
