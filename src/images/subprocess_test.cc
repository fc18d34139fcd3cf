#include "images/subprocess.h"

#include <gtest/gtest.h>

#include <chrono>

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

TEST(Subprocess, ADaemonThatStaysDoesNotHoldItUp) {
  const auto start = std::chrono::steady_clock::now();
  auto exit = run_command({.args = {"sh", "-c", "sleep 5 & echo done"}});
  EXPECT_EQ(exit->out, "done\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
}

}  // namespace
}  // namespace ionian::images
