#pragma once
// TLS for gRPC's listener, with the certificate as it is when a connection begins.
#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "base/tls_files.h"

namespace ionian::rpc {

// Both the result and `files` outlive the server.
std::shared_ptr<grpc::ServerCredentials> tls_credentials(TlsFiles& files);

}  // namespace ionian::rpc
