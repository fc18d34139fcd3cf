#include "images/subprocess.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
#include <sys/pidfd.h>
}

#include <chrono>
#include <csignal>

#include "base/fd.h"

namespace ionian::images {
namespace {

TEST(Subprocess, OutputAndExitCodes) {
  std::string out, err;
  auto exit = run_command(
      {.args = {"sh", "-c", "echo $A; pwd; echo bad >&2; exit 3"},
       .env = {"A=x y"},
       .workdir = "/usr",
       .on_output = [&](int fd, std::string_view text) { (fd == 1 ? out : err) += text; }});
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 3);
  EXPECT_EQ(out, "x y\n/usr\n");
  EXPECT_EQ(exit->out, out);
  EXPECT_EQ(err, "bad\n");
  EXPECT_EQ(run_command({.args = {"sh", "-c", "kill -9 $$"}})->code, 137);
  EXPECT_EQ(run_command({.args = {"no-such-program"}}).error().code, Code::kNotFound);
  const auto failed = run_or_fail("try it", {.args = {"sh", "-c", "echo why; exit 1"}});
  EXPECT_NE(failed.error().message.find("try it: sh ended with exit code 1:\nwhy"),
            std::string::npos);
}

TEST(Subprocess, MemoryIsBounded) {
  std::size_t seen = 0;
  auto exit = run_command({.args = {"sh", "-c", "head -c 20000000 /dev/zero; echo end"},
                           .on_output = [&](int, std::string_view text) { seen += text.size(); }});
  EXPECT_EQ(seen, 20000004u);
  EXPECT_EQ(exit->out.size(), 1u << 20);
  EXPECT_TRUE(exit->tail.ends_with("end\n"));
  EXPECT_LE(exit->tail.size(), 8u << 10);
}

TEST(Subprocess, CancelKillsTheWholeGroup) {
  std::atomic<bool> cancelled = false;
  const auto start = std::chrono::steady_clock::now();
  auto exit = run_command({.args = {"sh", "-c", "sleep 60 & echo up; sleep 60"},
                           .on_output = [&](int, std::string_view) { cancelled = true; },
                           .cancelled = &cancelled});
  EXPECT_EQ(exit.error().code, Code::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
}

TEST(Subprocess, EndsWhatIsNoLongerAllowed) {
  int asked = 0;
  auto exit =
      run_command({.args = {"sh", "-c", "sleep 60 & sleep 60"}, .allowed = [&]() -> Result<void> {
                     if (++asked < 3) return {};
                     return fail(Code::kResourceExhausted, "enough");
                   }});
  EXPECT_EQ(exit.error().code, Code::kResourceExhausted);
  EXPECT_EQ(exit.error().message, "enough");
}

// A listener that a program held would keep its port from the server's next life.
TEST(Subprocess, AProgramHasNoFilesOfOurs) {
  const UniqueFd open(::open("/dev/null", O_RDONLY));
  auto exit = run_command({.args = {"sh", "-c", cat("test -e /proc/self/fd/", open.get())}});
  EXPECT_EQ(exit->code, 1);
}

TEST(Subprocess, AKilledServerTakesItsProgramsWithIt) {
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const UniqueFd read(pipe[0]), write(pipe[1]);
  const pid_t server = ::fork();
  if (server == 0) {
    (void)run_command({.args = {"sh", "-c", "echo $$; exec sleep 60"},
                       .on_output = [&](int, std::string_view text) {
                         if (::write(write.get(), text.data(), text.size()) < 0) ::_exit(1);
                       }});
    ::_exit(1);
  }
  char text[16] = {};
  ASSERT_GT(::read(read.get(), text, sizeof text - 1), 0);
  const UniqueFd program(::pidfd_open(std::atoi(text), 0));
  ASSERT_TRUE(program);
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);
  pollfd ended{program.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 10'000), 1);
}

TEST(Subprocess, ADaemonThatStaysDoesNotHoldItUp) {
  const auto start = std::chrono::steady_clock::now();
  auto exit = run_command({.args = {"sh", "-c", "sleep 5 & echo done"}});
  EXPECT_EQ(exit->out, "done\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
}

}  // namespace
}  // namespace ionian::images
