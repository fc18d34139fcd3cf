#include <sodium.h>
#include <sys/stat.h>

#include "base/file.h"
#include "services/identity.h"

namespace ionian::services {
namespace {

constexpr std::uint64_t kTokens = 1, kSecrets = 2, kUrls = 3;
constexpr std::size_t kKeyBytes = 32;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string keyed_hash(std::string_view text, const std::string& key) {
  std::string out(32, '\0');
  crypto_generichash(bytes(out), out.size(), bytes(text), text.size(), bytes(std::string_view(key)),
                     key.size());
  return out;
}

}  // namespace

Result<KeyFile> KeyFile::open(const std::string& path, Random& random) {
  CHECK(sodium_init() >= 0);
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) {
    std::string key(32, '\0');
    random.fill({bytes(key), key.size()});
    TRY(write_file_durably(path, key, 0600));
  }
  ASSIGN_OR_RETURN(std::string key, read_file(path));
  // The first key, that of the seals once it was rotated, and its former one while that goes on.
  if (key.size() != kKeyBytes && key.size() != 2 * kKeyBytes && key.size() != 3 * kKeyBytes)
    return fail(Code::kFailedPrecondition, path, " is damaged: it holds ", key.size(),
                " bytes and not 32. Restore it from its backup; tokens and secrets cannot be read "
                "without it");
  return KeyFile(path, std::move(key));
}

KeyFile::KeyFile(std::string path, std::string bytes)
    : path_(std::move(path)),
      key_(bytes.substr(0, kKeyBytes)),
      seal_(std::make_unique<SealKeys>()) {
  seal_->now = bytes.size() > kKeyBytes ? bytes.substr(kKeyBytes, kKeyBytes) : subkey(kSecrets);
  if (bytes.size() > 2 * kKeyBytes) seal_->former = bytes.substr(2 * kKeyBytes);
}

Result<void> KeyFile::write() const {
  return write_file_durably(path_, key_ + seal_->now + seal_->former, 0600);
}

Result<void> KeyFile::begin_rotation(Random& random) {
  std::lock_guard lock(seal_->mutex);
  if (!seal_->former.empty()) return {};
  std::string fresh(kKeyBytes, '\0');
  random.fill({bytes(fresh), fresh.size()});
  const std::string before = std::exchange(seal_->now, fresh);
  seal_->former = before;
  if (Result<void> written = write(); !written) {
    seal_->now = before;
    seal_->former.clear();
    return written;
  }
  return {};
}

Result<void> KeyFile::end_rotation() {
  std::lock_guard lock(seal_->mutex);
  const std::string before = std::exchange(seal_->former, "");
  if (Result<void> written = write(); !written) {
    seal_->former = before;
    return written;
  }
  return {};
}

std::string KeyFile::subkey(std::uint64_t id) const {
  std::string out(32, '\0');
  crypto_kdf_derive_from_key(bytes(out), out.size(), id, "ionian__", bytes(std::string_view(key_)));
  return out;
}

std::string KeyFile::hash(std::string_view secret) const {
  return keyed_hash(secret, subkey(kTokens));
}

std::string KeyFile::sign(std::string_view text) const {
  const std::string mac = keyed_hash(text, subkey(kUrls));
  std::string hex(mac.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), bytes(std::string_view(mac)), mac.size());
  hex.pop_back();
  return hex;
}

std::string KeyFile::seal(std::string_view plain, Random& random) const {
  std::string key;
  {
    std::lock_guard lock(seal_->mutex);
    key = seal_->now;
  }
  std::string out(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.size(), '\0');
  random.fill({bytes(out), crypto_secretbox_NONCEBYTES});
  crypto_secretbox_easy(bytes(out) + crypto_secretbox_NONCEBYTES, bytes(plain), plain.size(),
                        bytes(out), bytes(std::string_view(key)));
  return out;
}

Result<std::string> KeyFile::unseal(std::string_view sealed) const {
  constexpr std::size_t overhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
  std::string keys[2];
  {
    std::lock_guard lock(seal_->mutex);
    keys[0] = seal_->now, keys[1] = seal_->former;
  }
  std::string out(sealed.size() < overhead ? 0 : sealed.size() - overhead, '\0');
  for (const std::string& key : keys)
    if (sealed.size() >= overhead && !key.empty() &&
        crypto_secretbox_open_easy(bytes(out), bytes(sealed) + crypto_secretbox_NONCEBYTES,
                                   sealed.size() - crypto_secretbox_NONCEBYTES, bytes(sealed),
                                   bytes(std::string_view(key))) == 0)
      return out;
  return fail(Code::kDataLoss, "a secret was sealed with another key file, or is damaged");
}

}  // namespace ionian::services
