#pragma once
// Files as blocks of 8 MiB, each named by the sha256 of its bytes less the zeros at its end: what
// clients of version 2 send, and what every file's content is named after.
#include <string>
#include <string_view>

#include "blobs/hash.h"
#include "store/volumes.h"

namespace ionian::volumes {

inline constexpr std::uint64_t kBlockBytes = 8 << 20;
inline constexpr std::size_t kHashBytes = 32;

std::string from_hex(std::string_view hex);
// 32 bytes.
std::string sha256_of(std::string_view bytes);
// Of a block's bytes.
std::string block_hash(std::string_view bytes);
// Of a block of zeros, which is never sent.
const std::string& hash_of_nothing();
std::string content_id(std::uint64_t size, std::string_view blocks);
// Bytes of the block with this number, of a file of this size.
std::uint64_t block_length(std::uint64_t size, std::uint64_t number);
inline std::uint64_t block_count(std::uint64_t size) {
  return (size + kBlockBytes - 1) / kBlockBytes;
}
// The hash of the block with this number.
std::string_view block_of(const store::VolumeContent& content, std::uint64_t number);

// Takes a file's bytes in order.
class BlockHasher {
 public:
  void update(std::string_view bytes);
  // The object is spent afterwards.
  store::VolumeContent finish();

 private:
  void add(std::string_view bytes);
  void end_block();

  blobs::Hasher hash_ = blobs::Hasher::sha256();
  std::uint64_t in_block_ = 0, zeros_ = 0;  // zeros that may be the block's last
  store::VolumeContent content_;
};

}  // namespace ionian::volumes
