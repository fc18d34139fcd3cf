// `block_sender ADDRESS TOKEN_ID TOKEN_SECRET VOLUME FILE`: sends FILE into the volume in blocks of
// 8 MiB, on two connections, as often as its input has lines. A line is the path that the file gets
// and a number that each block begins with, so that all of them are others each time. They are
// hashed before the time begins. Prints for each line the ms, and the bytes sent.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>

#include "modal_proto/volume.pb.h"
#include "raw_client.h"
#include "volumes/blocks.h"

namespace ionian::bench {
namespace {

namespace pb = modal::client;
using volumes::kBlockBytes;

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

// One connection of HTTP/1.1 to a port of this machine.
class Connection {
 public:
  explicit Connection(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      die("connect to the gateway");
  }
  ~Connection() { ::close(fd_); }
  void put(const std::string& target, std::string_view body) {
    send_all("PUT " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " +
             std::to_string(body.size()) + "\r\n\r\n");
    send_all(body);
    // The answer is a short text, which comes in one piece or two.
    std::string answer;
    while (!answer.ends_with("received")) {
      char piece[4096];
      const ssize_t n = ::read(fd_, piece, sizeof piece);
      if (n <= 0 || answer.size() > 8192) die("PUT: " + answer);
      answer.append(piece, static_cast<std::size_t>(n));
    }
    if (!answer.starts_with("HTTP/1.1 200")) die("PUT: " + answer);
  }

 private:
  void send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) die("send to the gateway");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  const int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

class Sender {
 public:
  Sender(RawClient& client, const std::string& volume, const std::string& file) : client_(client) {
    std::ifstream in(file, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
    pb::VolumeGetOrCreateRequest request;
    request.set_deployment_name(volume);
    request.set_object_creation_type(pb::OBJECT_CREATION_TYPE_CREATE_IF_MISSING);
    request.set_version(pb::VOLUME_FS_VERSION_V2);
    volume_ = client_.wait<pb::VolumeGetOrCreateResponse>("VolumeGetOrCreate", request).volume_id();
  }

  void send(const std::string& path, std::uint64_t number) {
    pb::VolumePutFiles2Request request;
    request.set_volume_id(volume_);
    auto& file = *request.add_files();
    file.set_path(path);
    file.set_size(bytes_.size());
    for (std::uint64_t at = 0; at < bytes_.size(); at += kBlockBytes) {
      std::memcpy(bytes_.data() + at, &number, sizeof number);
      file.add_blocks()->set_contents_sha256(volumes::block_hash(block(at / kBlockBytes)));
    }
    const double began = now_us();
    const auto missing = put_files(request);
    const std::size_t sent = put_blocks(missing);
    if (!missing.missing_blocks().empty() && !put_files(request).missing_blocks().empty())
      die("blocks are missing after all were sent");
    std::printf("%.3f %zu\n", (now_us() - began) / 1e3, sent);
    std::fflush(stdout);
  }

 private:
  // Less the zeros at its end, as it is hashed and sent.
  std::string_view block(std::uint64_t number) const {
    const auto whole = std::string_view(bytes_).substr(number * kBlockBytes, kBlockBytes);
    return whole.substr(0, whole.find_last_not_of('\0') + 1);
  }
  pb::VolumePutFiles2Response put_files(const pb::VolumePutFiles2Request& request) {
    return client_.wait<pb::VolumePutFiles2Response>("VolumePutFiles2", request);
  }
  std::size_t put_blocks(const pb::VolumePutFiles2Response& missing) {
    std::atomic<int> next = 0;
    std::atomic<std::size_t> sent = 0;
    const auto work = [&] {
      std::unique_ptr<Connection> connection;
      for (int i; (i = next++) < missing.missing_blocks_size();) {
        const auto& each = missing.missing_blocks(i);
        // http://HOST:PORT/target
        const std::string& url = each.put_url();
        const std::size_t colon = url.rfind(':'), slash = url.find('/', colon);
        if (!connection)
          connection = std::make_unique<Connection>(std::atoi(url.c_str() + colon + 1));
        connection->put(url.substr(slash), block(each.block_index()));
        sent += block(each.block_index()).size();
      }
    };
    std::thread other(work);
    work();
    other.join();
    return sent;
  }

  RawClient& client_;
  std::string bytes_, volume_;
};

}  // namespace
}  // namespace ionian::bench

int main(int argc, char** argv) {
  using namespace ionian::bench;
  if (argc != 6)
    return std::fprintf(stderr, "usage: block_sender ADDRESS ID SECRET VOLUME FILE\n"), 2;
  RawClient client(argv[1], argv[2], argv[3], 0);
  Sender sender(client, argv[4], argv[5]);
  std::string path;
  for (std::uint64_t number = 0; std::cin >> path >> number;) sender.send(path, number);
}
