#include "base/tls_files.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>

#include "base/file.h"
#include "base/test_folder.h"

namespace ionian {
namespace {

class TlsFilesTest : public testing::Test {
 protected:
  // A certificate for localhost that signs itself.
  static void make(const std::string& certificate, const std::string& key) {
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    X509* x509 = X509_new();
    X509_set_version(x509, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, pair);
    X509_NAME* name = X509_get_subject_name(x509);
    const auto* host = reinterpret_cast<const unsigned char*>("localhost");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0);
    X509_set_issuer_name(x509, name);
    ASSERT_GT(X509_sign(x509, pair, EVP_sha256()), 0);
    FILE* out = std::fopen(certificate.c_str(), "w");
    EXPECT_EQ(PEM_write_X509(out, x509), 1);
    std::fclose(out);
    out = std::fopen(key.c_str(), "w");
    EXPECT_EQ(PEM_write_PrivateKey(out, pair, nullptr, nullptr, 0, nullptr, nullptr), 1);
    std::fclose(out);
    X509_free(x509);
    EVP_PKEY_free(pair);
  }
  const TestFolder folder{"tls"};
  const std::string certificate = folder / "cert.pem", key = folder / "key.pem";
};

TEST_F(TlsFilesTest, AChangedPairIsTakenAndABrokenOneIsNot) {
  make(certificate, key);
  auto files = TlsFiles::open(certificate, key);
  ASSERT_TRUE(files.has_value()) << files.error().message;
  const auto first = (*files)->current();
  EXPECT_EQ((*files)->current(), first);

  make(certificate, key);
  const auto second = (*files)->current();
  EXPECT_NE(second->certificate_pem, first->certificate_pem);
  EXPECT_GT(second->number, first->number);

  ASSERT_TRUE(write_file_durably(certificate, "no certificate\n", 0644));
  EXPECT_EQ((*files)->current(), second);

  // A renewal that has so far replaced one of the two files.
  make(certificate, folder / "new-key.pem");
  EXPECT_EQ((*files)->current(), second);
  ASSERT_EQ(::rename((folder / "new-key.pem").c_str(), key.c_str()), 0);
  EXPECT_NE((*files)->current(), second);
}

TEST_F(TlsFilesTest, WhatIsWrongAtTheStartIsNamed) {
  const auto error = [&] {
    const auto files = TlsFiles::open(certificate, key);
    return files ? std::string() : files.error().message;
  };
  EXPECT_NE(error().find(certificate), std::string::npos);
  make(certificate, folder / "other.pem");
  EXPECT_NE(error().find(key), std::string::npos);
  make(folder / "unused.pem", key);
  EXPECT_NE(error().find("is not the key of the certificate"), std::string::npos);
}

}  // namespace
}  // namespace ionian
