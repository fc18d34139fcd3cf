#pragma once
// What commands print: tables, JSON, times, questions, and that something is under way.
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace ionian::cli {

using Json = nlohmann::ordered_json;

// Indented, on stdout. Bytes that are no UTF-8 are replaced.
void print_json(const Json& value);
// Columns as wide as their widest cell; the heads in bold on a terminal.
void print_table(const std::vector<std::string>& heads,
                 const std::vector<std::vector<std::string>>& rows);
// "✓ …" on stdout, the mark in green on a terminal.
void print_done(std::string_view message);

// Seconds since the epoch. "2026-11-22 04:48:00+00:00" with the offset of this machine's zone, null
// if unset (0).
Json time_json(double seconds);
// "2026-11-22 04:48 UTC", and "-" if unset.
std::string time_text(double seconds);

enum class Confirm { kAsk, kYes };
// Goes on if a person says yes. Otherwise the command ends with code 1; without a terminal too,
// with a hint at --yes.
void confirm(std::string_view question, Confirm how);

// 30m, 12h, 7d, 90s as seconds; with `bare`, also a number alone. nullopt: none of these, or more
// than the wire takes.
enum class Bare { kRefused, kSeconds };
std::optional<std::uint32_t> parse_duration(std::string_view text, Bare bare);

// A moving sign and a text on stderr while it lives, if that is a terminal; else nothing.
class Spinner {
 public:
  explicit Spinner(std::string text);
  ~Spinner();
  Spinner(const Spinner&) = delete;
  Spinner& operator=(const Spinner&) = delete;

 private:
  void turn();

  const std::string text_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace ionian::cli
