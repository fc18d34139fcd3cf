// What containers print, from their pipes to whoever keeps it. While there is no room for more it
// waits in the pipes, and who prints waits.
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

#include "worker/worker.h"

namespace ionian::worker {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;
constexpr std::size_t kEarlyMax = 16;  // reads
constexpr Duration kOutputAgain = 5ms;

}  // namespace

void Worker::deliver(Living& living, int number, std::string text) {
  if (text.empty()) return;
  if (!living.task.empty() && !living.standby)
    events_.output(TaskId(living.task), number, std::move(text));
  else if (living.standby && living.standby->early.size() < kEarlyMax)
    living.standby->early.emplace_back(number, std::move(text));
  else if (living.job.output)
    living.job.output(number, text);
}

void Worker::read_pipe(Living& living, Pipe& pipe) {
  if (!living.end && options_.output_waits()) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pipe.fd.get(), nullptr);
    return waiting_pipes_.push_back(pipe.fd.get());
  }
  char buffer[kReadBytes];
  // While the container lives, one read a turn: the other pipe's bytes came in between. After it,
  // all that is left.
  do {
    const ssize_t n = ::read(pipe.fd.get(), buffer, sizeof buffer);
    if (n > 0) {
      deliver(living, pipe.number, pipe.text.push({buffer, static_cast<std::size_t>(n)}));
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN && !living.end) return;
    deliver(living, pipe.number, pipe.text.finish());
    id_of_fd_.erase(pipe.fd.get());
    pipe.fd.reset();
    return;
  } while (living.end);
}

void Worker::tend_outputs() {
  if (waiting_pipes_.empty() || options_.output_waits()) return;
  for (const int fd : std::exchange(waiting_pipes_, {})) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    // One that is closed has no name; another that has its number is watched already.
    if (id_of_fd_.contains(fd)) (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }
}

Time Worker::next_output_look() const {
  return waiting_pipes_.empty() ? Time::max() : clock_.now() + kOutputAgain;
}

}  // namespace ionian::worker
