#include "blobs/hash.h"

#include <algorithm>

#include "base/result.h"

namespace ionian::blobs {

Hasher::Hasher(const EVP_MD* kind) : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr);
  CHECK(EVP_DigestInit_ex(context_.get(), kind, nullptr) == 1);
}

void Hasher::update(std::string_view data) {
  CHECK(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1);
}

std::string Hasher::hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(context_.get(), digest, &size) == 1);
  return to_hex({reinterpret_cast<const char*>(digest), size});
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (unsigned char c : bytes) {
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

std::string sha256_hex(std::string_view data) {
  Hasher hasher = Hasher::sha256();
  hasher.update(data);
  return hasher.hex();
}

bool is_sha256_hex(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace ionian::blobs
