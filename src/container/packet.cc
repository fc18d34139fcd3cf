#include "container/packet.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"

namespace ionian::container {
namespace {

constexpr std::size_t kMaxInline = 32 << 10;
constexpr std::size_t kMaxFds = 16;
// The first byte says where the message is: behind it, or in a memory file that is the first
// descriptor.
constexpr char kInline = 'i';
constexpr char kInMemoryFile = 'm';

Result<UniqueFd> to_memory_file(std::string_view bytes) {
  UniqueFd file(::memfd_create("ionian-packet", MFD_CLOEXEC));
  if (!file) return sys_fail("create a memory file");
  TRY(write_all(file.get(), bytes));
  return file;
}

Result<std::string> from_memory_file(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return sys_fail("stat a memory file");
  if (static_cast<std::size_t>(info.st_size) > kMaxPacketBytes)
    return fail(Code::kInvalidArgument, "a packet of ", info.st_size, " bytes");
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n =
        ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n <= 0) return sys_fail("read a memory file");
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

bool is_gone(int error) { return error == EPIPE || error == ECONNRESET || error == ENOTCONN; }

void take_fds(msghdr& message, std::vector<UniqueFd>& fds) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
}

}  // namespace

Result<void> check_size(std::string_view bytes) {
  if (bytes.size() > kMaxPacketBytes)
    return fail(Code::kInvalidArgument, "a message of ", bytes.size(),
                " bytes is over the limit of ", kMaxPacketBytes);
  return {};
}

Result<bool> send_packet(int socket, std::string_view bytes, const std::vector<int>& fds,
                         Wait wait) {
  TRY(check_size(bytes));
  std::vector<int> all = fds;
  UniqueFd memory_file;
  char kind = kInline;
  if (bytes.size() > kMaxInline) {
    ASSIGN_OR_RETURN(memory_file, to_memory_file(bytes));
    all.insert(all.begin(), memory_file.get());
    kind = kInMemoryFile;
    bytes = {};
  }
  CHECK(all.size() <= kMaxFds);

  iovec parts[2] = {{&kind, 1}, {const_cast<char*>(bytes.data()), bytes.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))] = {};
  msghdr message{.msg_iov = parts, .msg_iovlen = 2};
  if (!all.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(all.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(all.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), all.data(), all.size() * sizeof(int));
  }
  const int flags = MSG_NOSIGNAL | (wait == Wait::kNo ? MSG_DONTWAIT : 0);
  for (;;) {
    if (::sendmsg(socket, &message, flags) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return false;
    if (is_gone(errno)) return fail(Code::kUnavailable, "the other side of the socket is gone");
    return sys_fail("send to the other side");
  }
}

Result<std::optional<Packet>> receive_packet(int socket, Wait wait) {
  // One byte more than the longest inline message and its mark, so that a longer one is seen as
  // such.
  thread_local std::string buffer(kMaxInline + 2, '\0');
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  msghdr message{
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t n;
  do {
    n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | (wait == Wait::kNo ? MSG_DONTWAIT : 0));
  } while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return std::nullopt;
  if (n == 0 || (n < 0 && is_gone(errno)))
    return fail(Code::kUnavailable, "the other side of the socket is gone");
  if (n < 0) return sys_fail("receive from the other side");

  Packet packet;
  take_fds(message, packet.fds);
  if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
    return fail(Code::kInvalidArgument, "a message that is too long");
  if (buffer[0] == kInMemoryFile) {
    if (packet.fds.empty()) return fail(Code::kInvalidArgument, "a message without its file");
    ASSIGN_OR_RETURN(packet.bytes, from_memory_file(packet.fds.front().get()));
    packet.fds.erase(packet.fds.begin());
  } else {
    packet.bytes.assign(buffer, 1, static_cast<std::size_t>(n) - 1);
  }
  return packet;
}

}  // namespace ionian::container
