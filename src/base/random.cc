#include "base/random.h"

#include <sys/random.h>

#include <array>
#include <cstring>

#include "base/result.h"

namespace ionian {

std::uint64_t Random::u64() {
  std::array<std::uint8_t, 8> bytes;
  fill(bytes);
  std::uint64_t value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::uint64_t Random::below(std::uint64_t bound) {
  CHECK(bound > 0);
  // Rejecting the uneven tail keeps every value equally likely.
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  for (;;)
    if (const std::uint64_t value = u64(); value < limit) return value % bound;
}

void SystemRandom::fill(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::getrandom(out.data() + done, out.size() - done, 0);
    CHECK(n > 0 || errno == EINTR);
    if (n > 0) done += static_cast<std::size_t>(n);
  }
}

void SeededRandom::fill(std::span<std::uint8_t> out) {
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine_());
}

std::string random_base62(Random& random, std::size_t n) {
  static constexpr char kAlphabet[] =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string out(n, '0');
  std::array<std::uint8_t, 32> pool;
  std::size_t used = pool.size();
  for (std::size_t i = 0; i < n;) {
    if (used == pool.size()) random.fill(pool), used = 0;
    const std::uint8_t byte = pool[used++];
    if (byte < 62 * 4) out[i++] = kAlphabet[byte % 62];
  }
  return out;
}

std::string random_ulid(Random& random, Time now) {
  static constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::array<std::uint8_t, 10> bits;
  random.fill(bits);
  std::string out(26, '0');
  std::uint64_t ms = static_cast<std::uint64_t>(to_unix_ms(now)) & 0xFFFF'FFFF'FFFF;
  for (int i = 9; i >= 0; --i, ms >>= 5) out[static_cast<std::size_t>(i)] = kAlphabet[ms & 31];
  for (std::size_t i = 0; i < 16; ++i) {
    const std::size_t bit = i * 5;
    std::uint32_t pair = bits[bit / 8] << 8;
    if (bit / 8 + 1 < bits.size()) pair |= bits[bit / 8 + 1];
    out[10 + i] = kAlphabet[(pair >> (11 - bit % 8)) & 31];
  }
  return out;
}

}  // namespace ionian
