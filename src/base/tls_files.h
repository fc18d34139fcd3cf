#pragma once
// A certificate and its key as two PEM files that somebody else renews. Each new connection asks
// for the pair; when the files have changed they are read again. A pair that does not fit together,
// or cannot be read, is said once and the former one goes on. Thread-safe.
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"

namespace ionian {

struct TlsPair {
  std::string certificate_pem;  // the server's first, then those between it and a root
  std::string key_pem;
  std::uint64_t number = 0;  // grows with each change
};

class TlsFiles {
 public:
  // FAILED_PRECONDITION that names the file and says what is wrong with it.
  static Result<std::unique_ptr<TlsFiles>> open(const std::string& certificate,
                                                const std::string& key);

  std::shared_ptr<const TlsPair> current();

 private:
  TlsFiles(std::string certificate, std::string key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}
  // What tells a changed pair of files from the one read before.
  std::string stamp() const;
  Result<TlsPair> read() const;

  const std::string certificate_, key_;
  std::mutex mutex_;
  std::string seen_;                     // guarded by mutex_
  std::shared_ptr<const TlsPair> pair_;  // guarded by mutex_
};

}  // namespace ionian
