#include "base/tls_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"

namespace ionian {
namespace {

template <class T, void (*kFree)(T*)>
struct Freed {
  void operator()(T* p) const { kFree(p); }
};
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
struct FreeBio {
  void operator()(BIO* p) const { BIO_free(p); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

Bio reader_of(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Never asks at the terminal for the password of a protected key.
int no_password(char*, int, int, void*) { return -1; }

}  // namespace

Result<std::unique_ptr<TlsFiles>> TlsFiles::open(const std::string& certificate,
                                                 const std::string& key) {
  std::unique_ptr<TlsFiles> files(new TlsFiles(certificate, key));
  files->seen_ = files->stamp();
  ASSIGN_OR_RETURN(TlsPair pair, files->read());
  struct stat about;
  if (::stat(key.c_str(), &about) == 0 && (about.st_mode & 077) != 0)
    log::warning(key, " can be read by others than its owner; mend it with: chmod 600 ", key);
  files->pair_ = std::make_shared<const TlsPair>(std::move(pair));
  return files;
}

std::string TlsFiles::stamp() const {
  std::string text;
  for (const std::string* path : {&certificate_, &key_}) {
    struct stat about = {};
    if (::stat(path->c_str(), &about) != 0) about = {};
    cat_to(text, about.st_ino, ' ', about.st_size, ' ', about.st_mtim.tv_sec, '.',
           about.st_mtim.tv_nsec, '\n');
  }
  return text;
}

Result<TlsPair> TlsFiles::read() const {
  const auto wrong = [](const std::string& path, std::string_view what) {
    ERR_clear_error();
    return fail(Code::kFailedPrecondition, path, ": ", what);
  };
  Result<std::string> certificate_pem = read_file(certificate_);
  if (!certificate_pem) return fail(Code::kFailedPrecondition, certificate_pem.error().message);
  Result<std::string> key_pem = read_file(key_);
  if (!key_pem) return fail(Code::kFailedPrecondition, key_pem.error().message);
  const Certificate certificate(
      PEM_read_bio_X509(reader_of(*certificate_pem).get(), nullptr, no_password, nullptr));
  if (!certificate) return wrong(certificate_, "holds no certificate in PEM form");
  const Key key(PEM_read_bio_PrivateKey(reader_of(*key_pem).get(), nullptr, no_password, nullptr));
  if (!key) return wrong(key_, "holds no private key in PEM form without a password");
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    return wrong(key_, cat("is not the key of the certificate in ", certificate_));
  if (X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0)
    return wrong(certificate_, "has expired");
  return TlsPair{*std::move(certificate_pem), *std::move(key_pem), pair_ ? pair_->number + 1 : 1};
}

std::shared_ptr<const TlsPair> TlsFiles::current() {
  std::lock_guard lock(mutex_);
  std::string now = stamp();
  if (now == seen_) return pair_;
  seen_ = std::move(now);
  Result<TlsPair> fresh = read();
  if (fresh) {
    log::info("new connections get the certificate of ", certificate_, " as it is now");
    pair_ = std::make_shared<const TlsPair>(*std::move(fresh));
  } else {
    log::warning("the certificate stays the one from before: ", fresh.error().message);
  }
  return pair_;
}

}  // namespace ionian
