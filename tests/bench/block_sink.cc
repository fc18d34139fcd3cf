// `block_sink`: takes volume uploads of version 2 and throws the bytes away. It checks nothing and
// stores nothing: what an upload takes here is what the client takes by itself, and the way of the
// bytes through our own HTTP. Prints its gRPC port.
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <set>

#include "gateway/gateway.h"
#include "modal_proto/volume.pb.h"
#include "unary_service.h"

namespace ionian::bench {
namespace {

namespace pb = modal::client;

class Sink {
 public:
  void use_http(int port) { http_ = port; }
  void handle(const UnaryCallPtr& call) {
    const std::string_view name =
        std::string_view(call->method()).substr(call->method().rfind('/') + 1);
    if (name == "VolumeGetOrCreate") {
      pb::VolumeGetOrCreateResponse reply;
      reply.set_volume_id("vo-sink");
      reply.mutable_metadata()->set_version(pb::VOLUME_FS_VERSION_V2);
      return call->reply(reply);
    }
    if (name == "VolumePutFiles2") return put(call);
    call->refuse(grpc::StatusCode::UNIMPLEMENTED, std::string(name) + " is not for the sink");
  }

 private:
  // The first time that a path is named all of its blocks are missing, the second time none.
  void put(const UnaryCallPtr& call) {
    const auto request = call->request<pb::VolumePutFiles2Request>();
    pb::VolumePutFiles2Response reply;
    std::lock_guard lock(mutex_);
    for (int file = 0; file < request.files_size(); ++file) {
      if (!seen_.insert(request.files(file).path()).second) continue;
      for (int block = 0; block < request.files(file).blocks_size(); ++block) {
        auto& missing = *reply.add_missing_blocks();
        missing.set_file_index(static_cast<std::uint64_t>(file));
        missing.set_block_index(static_cast<std::uint64_t>(block));
        missing.set_put_url(cat("http://127.0.0.1:", http_, "/sink/", block));
      }
    }
    call->reply(reply);
  }

  int http_ = 0;
  std::mutex mutex_;
  std::set<std::string> seen_;
};

void swallow(gateway::Exchange& exchange) {
  const auto read = exchange.read_body([](std::string_view) { return Result<void>(); });
  if (read) exchange.reply(200, "text/plain", "received");
}

int run() {
  Sink sink;
  auto http = gateway::Gateway::listen("127.0.0.1:0", {{.prefix = "/sink/", .handle = swallow}});
  if (!http) return std::fprintf(stderr, "%s\n", http.error().message.c_str()), 1;
  (*http)->run([](UniqueFd) {});
  sink.use_http((*http)->port());
  UnaryService service([&](const UnaryCallPtr& call) { sink.handle(call); });
  grpc::ServerBuilder builder;
  builder.RegisterCallbackGenericService(&service);
  builder.SetMaxReceiveMessageSize(100 << 20);
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  const auto server = builder.BuildAndStart();
  if (!server) return 1;
  std::printf("%d\n", port);
  std::fflush(stdout);
  server->Wait();
  return 0;
}

}  // namespace
}  // namespace ionian::bench

int main() { return ionian::bench::run(); }
