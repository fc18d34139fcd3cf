#include "volumes/blocks.h"

#include <algorithm>

namespace ionian::volumes {
namespace {

const std::string kZeros(64 << 10, '\0');

std::size_t length_without_zeros(std::string_view bytes) {
  const std::size_t last = bytes.find_last_not_of('\0');
  return last == std::string_view::npos ? 0 : last + 1;
}

int value_of(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }

}  // namespace

std::string from_hex(std::string_view hex) {
  std::string bytes(hex.size() / 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(value_of(hex[2 * i]) << 4 | value_of(hex[2 * i + 1]));
  return bytes;
}

std::string sha256_of(std::string_view bytes) { return from_hex(blobs::sha256_hex(bytes)); }

std::string block_hash(std::string_view bytes) {
  return sha256_of(bytes.substr(0, length_without_zeros(bytes)));
}

const std::string& hash_of_nothing() {
  static const std::string hash = sha256_of("");
  return hash;
}

std::string content_id(std::uint64_t size, std::string_view blocks) {
  std::string named;
  for (int shift = 0; shift < 64; shift += 8) named += static_cast<char>(size >> shift);
  named += blocks;
  return sha256_of(named);
}

std::uint64_t block_length(std::uint64_t size, std::uint64_t number) {
  const std::uint64_t begin = number * kBlockBytes;
  return begin >= size ? 0 : std::min(kBlockBytes, size - begin);
}

std::string_view block_of(const store::VolumeContent& content, std::uint64_t number) {
  return std::string_view(content.blocks).substr(number * kHashBytes, kHashBytes);
}

void BlockHasher::update(std::string_view bytes) {
  content_.size += bytes.size();
  while (!bytes.empty()) {
    const std::size_t n = std::min<std::uint64_t>(bytes.size(), kBlockBytes - in_block_);
    add(bytes.substr(0, n));
    bytes.remove_prefix(n);
    if (in_block_ == kBlockBytes) end_block();
  }
}

void BlockHasher::add(std::string_view bytes) {
  in_block_ += bytes.size();
  const std::size_t length = length_without_zeros(bytes);
  if (length == 0) {
    zeros_ += bytes.size();
    return;
  }
  for (; zeros_ > 0; zeros_ -= std::min<std::uint64_t>(zeros_, kZeros.size()))
    hash_.update(std::string_view(kZeros).substr(0, zeros_));
  hash_.update(bytes.substr(0, length));
  zeros_ = bytes.size() - length;
}

void BlockHasher::end_block() {
  content_.blocks += from_hex(hash_.hex());
  hash_ = blobs::Hasher::sha256();
  in_block_ = zeros_ = 0;
}

store::VolumeContent BlockHasher::finish() {
  if (in_block_ > 0) end_block();
  content_.id = content_id(content_.size, content_.blocks);
  return std::move(content_);
}

}  // namespace ionian::volumes
