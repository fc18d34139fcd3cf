#pragma once
// Running sha256 and md5. OpenSSL's are the ones that use the processor's own instructions.
#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

namespace ionian::blobs {

class Hasher {
 public:
  static Hasher sha256() { return Hasher(EVP_sha256()); }
  static Hasher md5() { return Hasher(EVP_md5()); }

  void update(std::string_view data);
  // Lower-case hex of everything so far. The object is spent afterwards.
  std::string hex();

 private:
  explicit Hasher(const EVP_MD* kind);
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

std::string to_hex(std::string_view bytes);
// Lower-case hex of the sha256 of `data`.
std::string sha256_hex(std::string_view data);
// 64 lower-case hex digits: the only text that may become part of a path of the store.
bool is_sha256_hex(std::string_view text);

}  // namespace ionian::blobs
