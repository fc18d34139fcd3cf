#include "container/dns_relay.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "base/file.h"
#include "container/packet.h"

namespace ionian::container {
namespace {

using namespace std::chrono_literals;

constexpr int kQueriesPerContainer = 64;
constexpr std::size_t kQueries = 1024;
constexpr int kConnectionsPerContainer = 16;
constexpr std::size_t kConnections = 256;
constexpr auto kQueryTime = 5s;
constexpr auto kConnectionTime = 10s;
constexpr std::size_t kLargestDatagram = 4096;
constexpr std::size_t kHeaderBytes = 12;
constexpr std::uint16_t kDnsPort = 53;

// Moves what it can; false when the connection is broken.
bool move_bytes(int from, int to, std::string& waiting, bool& ended) {
  char buffer[16384];
  if (waiting.empty() && !ended) {
    const ssize_t n = ::recv(from, buffer, sizeof buffer, 0);
    if (n < 0 && errno != EAGAIN && errno != ENOTCONN) return false;
    if (n > 0) waiting.assign(buffer, static_cast<std::size_t>(n));
    ended = n == 0;
  }
  if (!waiting.empty()) {
    const ssize_t n = ::send(to, waiting.data(), waiting.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != ENOTCONN) return false;
    if (n > 0) waiting.erase(0, static_cast<std::size_t>(n));
  }
  if (ended && waiting.empty()) ::shutdown(to, SHUT_WR);
  return true;
}

}  // namespace

DnsRelay::DnsRelay(UniqueFd control, std::string resolver_file)
    : control_(std::move(control)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      resolver_file_(std::move(resolver_file)) {}

void DnsRelay::run() {
  watch(control_.get(), EPOLLIN, [this](std::uint32_t) { on_control(); });
  while (!done_) {
    epoll_event event;
    const bool pending = !queries_.empty() || !connections_.empty();
    const int n = ::epoll_wait(epoll_.get(), &event, 1, pending ? 1000 : -1);
    if (n < 0 && errno != EINTR) return;
    if (pending) expire();
    if (n <= 0) continue;
    // A copy: the handler may remove itself.
    if (const auto found = handlers_.find(event.data.fd); found != handlers_.end())
      Handler(found->second)(event.events);
  }
}

void DnsRelay::watch(int fd, std::uint32_t events, Handler handler) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  ::epoll_ctl(epoll_.get(), handlers_.contains(fd) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
  if (handler) handlers_[fd] = std::move(handler);
}

void DnsRelay::unwatch(int fd) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  handlers_.erase(fd);
}

void DnsRelay::on_control() {
  Result<std::optional<Packet>> packet = receive_packet(control_.get(), Wait::kNo);
  if (!packet) {
    done_ = packet.error().code == Code::kUnavailable;
    return;
  }
  std::uint64_t id;
  if (!*packet || (*packet)->bytes.size() != sizeof id) return;
  std::memcpy(&id, (*packet)->bytes.data(), sizeof id);
  if ((*packet)->fds.size() != 2) return remove(id);
  Container& container = containers_[id];
  container.udp = std::move((*packet)->fds[0]);
  container.tcp = std::move((*packet)->fds[1]);
  watch(container.udp.get(), EPOLLIN, [this, id](std::uint32_t) { on_question(id); });
  watch(container.tcp.get(), EPOLLIN, [this, id](std::uint32_t) { on_accept(id); });
}

void DnsRelay::remove(std::uint64_t id) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return;
  for (auto each = queries_.begin(); each != queries_.end();) {
    const auto [fd, query] = std::pair<int, const Query&>(*each++);
    if (query.container == id) end_query(fd);
  }
  for (auto each = connections_.begin(); each != connections_.end();) {
    const auto [fd, connection] = std::pair<int, const Connection&>(*each++);
    if (connection.container == id) end_connection(fd);
  }
  unwatch(found->second.udp.get());
  unwatch(found->second.tcp.get());
  containers_.erase(found);
}

// What is over the bounds is dropped, as a busy network would.
void DnsRelay::on_question(std::uint64_t id) {
  Container& container = containers_[id];
  char buffer[kLargestDatagram];
  sockaddr_in from{};
  socklen_t length = sizeof from;
  const ssize_t n = ::recvfrom(container.udp.get(), buffer, sizeof buffer, 0,
                               reinterpret_cast<sockaddr*>(&from), &length);
  if (n < static_cast<ssize_t>(kHeaderBytes)) return;
  if (container.queries >= kQueriesPerContainer || queries_.size() >= kQueries) return;
  // A socket a question: its random port is what an attacker on the way has to guess.
  UniqueFd upstream = dial(SOCK_DGRAM);
  if (!upstream || ::send(upstream.get(), buffer, static_cast<std::size_t>(n), 0) < 0) return;
  const int fd = upstream.get();
  ++container.queries;
  queries_[fd] = {std::move(upstream), id, from, std::string(buffer, static_cast<std::size_t>(n)),
                  Clock::now() + kQueryTime};
  watch(fd, EPOLLIN, [this, fd](std::uint32_t) { on_answer(fd); });
}

void DnsRelay::on_answer(int upstream) {
  Query& query = queries_[upstream];
  char buffer[65536];
  const ssize_t n = ::recv(upstream, buffer, sizeof buffer, 0);
  if (n < 0) {
    ++next_resolver_;
  } else if (n < static_cast<ssize_t>(kHeaderBytes) ||
             std::memcmp(buffer, query.question.data(), 2) != 0) {
    return;  // not the answer to this question
  } else {
    ::sendto(containers_[query.container].udp.get(), buffer, static_cast<std::size_t>(n), 0,
             reinterpret_cast<const sockaddr*>(&query.from), sizeof query.from);
  }
  end_query(upstream);
}

void DnsRelay::end_query(int upstream) {
  unwatch(upstream);
  --containers_[queries_[upstream].container].queries;
  queries_.erase(upstream);
}

void DnsRelay::on_accept(std::uint64_t id) {
  Container& container = containers_[id];
  UniqueFd client(::accept4(container.tcp.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client) return;
  if (container.connections >= kConnectionsPerContainer || connections_.size() >= kConnections)
    return;
  UniqueFd upstream = dial(SOCK_STREAM);
  if (!upstream) return;
  const int fd = client.get(), other = upstream.get();
  ++container.connections;
  connections_[fd] = {.client = std::move(client),
                      .upstream = std::move(upstream),
                      .container = id,
                      .deadline = Clock::now() + kConnectionTime};
  watch(fd, EPOLLIN, [this, fd](std::uint32_t) { pump(fd); });
  watch(other, EPOLLIN | EPOLLOUT,
        [this, fd](std::uint32_t events) { events& EPOLLERR ? end_connection(fd) : pump(fd); });
}

void DnsRelay::pump(int client) {
  Connection& c = connections_[client];
  if (!move_bytes(client, c.upstream.get(), c.up.waiting, c.up.ended) ||
      !move_bytes(c.upstream.get(), client, c.down.waiting, c.down.ended) ||
      (c.down.ended && c.down.waiting.empty()))
    return end_connection(client);
  const auto interest = [](const Direction& in, const Direction& out) {
    return (in.waiting.empty() && !in.ended ? static_cast<std::uint32_t>(EPOLLIN) : 0U) |
           (out.waiting.empty() ? 0U : static_cast<std::uint32_t>(EPOLLOUT));
  };
  watch(client, interest(c.up, c.down), nullptr);
  watch(c.upstream.get(), interest(c.down, c.up), nullptr);
}

void DnsRelay::end_connection(int client) {
  Connection& connection = connections_[client];
  unwatch(client);
  unwatch(connection.upstream.get());
  --containers_[connection.container].connections;
  connections_.erase(client);
}

void DnsRelay::expire() {
  const auto now = Clock::now();
  for (auto each = queries_.begin(); each != queries_.end();) {
    const auto current = each++;
    if (current->second.deadline > now) continue;
    ++next_resolver_;
    end_query(current->first);
  }
  for (auto each = connections_.begin(); each != connections_.end();) {
    const auto current = each++;
    if (current->second.deadline <= now) end_connection(current->first);
  }
}

UniqueFd DnsRelay::dial(int type) {
  read_resolvers();
  if (resolvers_.empty()) return {};
  const Resolver& to = resolvers_[next_resolver_ % resolvers_.size()];
  UniqueFd fd(::socket(to.address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.address), to.length) != 0 &&
      errno != EINPROGRESS)
    fd.reset();
  return fd;
}

void DnsRelay::read_resolvers() {
  struct stat info{};
  if (::stat(resolver_file_.c_str(), &info) != 0) return;
  if (info.st_mtim.tv_sec == resolvers_read_.tv_sec &&
      info.st_mtim.tv_nsec == resolvers_read_.tv_nsec)
    return;
  resolvers_read_ = info.st_mtim;
  resolvers_.clear();
  std::istringstream lines(read_file(resolver_file_).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key, ip;
    words >> key >> ip;
    if (key != "nameserver") continue;
    Resolver resolver;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&resolver.address);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&resolver.address);
    if (::inet_pton(AF_INET, ip.c_str(), &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET;
      v4->sin_port = htons(kDnsPort);
      resolver.length = sizeof *v4;
    } else if (::inet_pton(AF_INET6, ip.c_str(), &v6->sin6_addr) == 1) {
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(kDnsPort);
      resolver.length = sizeof *v6;
    } else {
      continue;
    }
    resolvers_.push_back(resolver);
  }
}

}  // namespace ionian::container
