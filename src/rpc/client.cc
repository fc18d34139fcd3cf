#include "rpc/client.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

namespace ionian::rpc {

Result<void> call_unary(const std::string& address, const std::string& path, const google::protobuf::Message& request,
                        google::protobuf::Message& reply, Duration timeout) {
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  grpc::ByteBuffer out, in;
  bool own = false;
  (void)grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(request, &out, &own);
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
  if (!reply.ParseFromZeroCopyStream(&reader)) return fail(Code::kInternal, "the server's reply is no valid message");
  return {};
}

}  // namespace ionian::rpc
