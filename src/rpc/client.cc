#include "rpc/client.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <cstdlib>

#include "base/file.h"

namespace ionian::rpc {
namespace {

std::shared_ptr<grpc::ChannelCredentials> credentials(CallOptions::Transport transport) {
  if (transport == CallOptions::Transport::kPlain) return grpc::InsecureChannelCredentials();
  const char* chosen = std::getenv("SSL_CERT_FILE");
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs =
      read_file(chosen && *chosen ? chosen : "/etc/ssl/certs/ca-certificates.crt").value_or("");
  return grpc::SslCredentials(tls);
}

}  // namespace

Result<void> call_unary(const std::string& address, const std::string& path,
                        const google::protobuf::Message& request, google::protobuf::Message& reply,
                        Duration timeout, const CallOptions& options) {
  grpc::ChannelArguments arguments;
  // A proxy for web pages is no way to a server on this machine or in this network.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto channel =
      grpc::CreateCustomChannel(address, credentials(options.transport), arguments);
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  for (const auto& [name, value] : options.metadata) context.AddMetadata(name, value);
  grpc::ByteBuffer out, in;
  bool own = false;
  (void)grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(request, &out,
                                                                                   &own);
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(&context, path, out, &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(&in, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) return fail(static_cast<Code>(status.error_code()), status.error_message());
  grpc::ProtoBufferReader reader(&in);
  if (!reply.ParseFromZeroCopyStream(&reader))
    return fail(Code::kInternal, "the server's reply is no valid message");
  return {};
}

}  // namespace ionian::rpc
