#include "services/log_lines.h"

#include <gtest/gtest.h>

namespace ionian::services {
namespace {

struct LogLinesTest : testing::Test {
  void add(const std::string& task, double at, const std::string& text, int fd = 1) {
    modal::client::TaskLogsBatch batch;
    batch.set_task_id(task);
    modal::client::TaskLogs& item = *batch.add_items();
    item.set_timestamp(at);
    item.set_data(text);
    item.set_file_descriptor(static_cast<modal::client::FileDescriptor>(fd));
    lines.add(batch, item, [this](const LogLines::Line& line) { take(line); });
  }
  void take(const LogLines::Line& line) {
    taken.push_back(line.task_id() + " " + line.items(0).data());
    times.push_back(line.items(0).timestamp());
  }
  LogLines lines;
  std::vector<std::string> taken;
  std::vector<double> times;
};

TEST_F(LogLinesTest, ALineIsWholeHoweverItWasWritten) {
  add("a", 1, "one");
  add("b", 2, "other\nnext ");
  add("a", 3, " err\n", 2);
  add("a", 4, "\ntwo\n\n");
  add("b", 5, "line\n");
  const std::vector<std::string> all = {"b other\n", "a  err\n", "a one\n",
                                        "a two\n",   "a \n",     "b next line\n"};
  EXPECT_EQ(taken, all);
  EXPECT_EQ(times, (std::vector<double>{2, 3, 1, 4, 4, 2})) << "of the first pieces";
}

TEST_F(LogLinesTest, WhatHasNoEndComesAtTheEndOrWhenItIsLong) {
  add("a", 1, "prompt> ");
  const std::string half(LogLines::kLineMax / 2, 'x');
  for (int i = 0; i < 3; ++i) add("b", 2, half);
  EXPECT_EQ(taken, std::vector{"b " + half + half});
  lines.finish([this](const LogLines::Line& line) { take(line); });
  EXPECT_EQ(taken.size(), 3u);
  EXPECT_EQ(taken.at(1), "a prompt> ");
  lines.finish([this](const LogLines::Line& line) { take(line); });
  EXPECT_EQ(taken.size(), 3u);
}

}  // namespace
}  // namespace ionian::services
