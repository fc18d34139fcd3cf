#include "rpc/tls_credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

namespace ionian::rpc {
namespace {

// gRPC asks before each handshake; the C++ face has no such question, the C one beneath it has.
class ReloadingCredentials final : public grpc::ServerCredentials {
 public:
  explicit ReloadingCredentials(TlsFiles& files) : files_(files) {
    credentials_ = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(
            GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE, &ReloadingCredentials::fetch, this));
  }
  ~ReloadingCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  static grpc_ssl_certificate_config_reload_status fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    auto& me = *static_cast<ReloadingCredentials*>(self);
    const std::shared_ptr<const TlsPair> pair = me.files_.current();
    std::uint64_t before = me.given_.load();
    if (before == pair->number) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    grpc_ssl_pem_key_cert_pair pem{pair->key_pem.c_str(), pair->certificate_pem.c_str()};
    // gRPC wants roots for clients' certificates also where it asks clients for none.
    *config = grpc_ssl_server_certificate_config_create(pair->certificate_pem.c_str(), &pem, 1);
    me.given_ = pair->number;
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  TlsFiles& files_;
  grpc_server_credentials* credentials_;
  std::atomic<std::uint64_t> given_ = 0;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> tls_credentials(TlsFiles& files) {
  return std::make_shared<ReloadingCredentials>(files);
}

}  // namespace ionian::rpc
