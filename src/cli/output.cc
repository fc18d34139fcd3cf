#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <iostream>

#include "base/file.h"
#include "cli/command.h"
#include "cli/settings.h"

namespace ionian::cli {
namespace {

constexpr auto kFrame = std::chrono::milliseconds(100);

// Columns that a text takes on a terminal, for letters of one column each.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string local_time(double seconds, const char* format) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::localtime_r(&time, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

}  // namespace

void print_json(const Json& value) {
  std::cout << value.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

void print_table(const std::vector<std::string>& heads,
                 const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    widths.push_back(width(heads[i]));
    for (const auto& row : rows) widths[i] = std::max(widths[i], width(row[i]));
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string out;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      out += cells[i];
      if (i + 1 < cells.size()) out.append(widths[i] - width(cells[i]) + 2, ' ');
    }
    return out;
  };
  const bool colour = colour_wanted(STDOUT_FILENO);
  std::cout << (colour ? "\x1b[1m" : "") << line(heads) << (colour ? "\x1b[0m\n" : "\n");
  for (const auto& row : rows) std::cout << line(row) << "\n";
}

void print_done(std::string_view message) {
  const bool colour = colour_wanted(STDOUT_FILENO);
  std::cout << (colour ? "\x1b[32m✓\x1b[0m " : "✓ ") << message << "\n" << std::flush;
}

Json time_json(double seconds) {
  if (seconds <= 0) return nullptr;
  std::string text = local_time(seconds, "%Y-%m-%d %H:%M:%S%z");
  return text.insert(text.size() - 2, ":");  // +0000 into +00:00
}

std::string time_text(double seconds) {
  return seconds > 0 ? local_time(seconds, "%Y-%m-%d %H:%M %Z") : "-";
}

void confirm(std::string_view question, Confirm how) {
  if (how == Confirm::kYes) return;
  std::cout << question << " [y/N]: " << std::flush;
  if (!::isatty(STDIN_FILENO)) {
    std::cout << "\n";
    die("nobody is at a terminal to answer. Run it with --yes (-y) to go on without the question");
  }
  std::string answer;
  std::getline(std::cin, answer);
  if (answer != "y" && answer != "Y" && answer != "yes") die("stopped; nothing was changed");
}

std::optional<std::uint32_t> parse_duration(std::string_view text, Bare bare) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc() || number == 0 || number > UINT32_MAX) return std::nullopt;
  std::uint64_t scale = 0;
  if (unit == "s" || (unit.empty() && bare == Bare::kSeconds)) scale = 1;
  if (unit == "m") scale = 60;
  if (unit == "h") scale = 3600;
  if (unit == "d") scale = 86400;
  if (scale == 0 || number * scale > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(number * scale);
}

namespace {
void show_sign(std::size_t turn, std::string_view text) {
  constexpr std::string_view kSigns[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
  (void)write_all(STDERR_FILENO, cat("\r\x1b[K", kSigns[turn % std::size(kSigns)], " ", text));
}
}  // namespace

// The first sign is shown before this returns: also for something that is over at once.
Spinner::Spinner(std::string text) : text_(std::move(text)) {
  if (!colour_wanted(STDERR_FILENO)) return;
  show_sign(0, text_);
  thread_ = std::thread([this] { turn(); });
}

Spinner::~Spinner() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  ended_.notify_all();
  thread_.join();
  (void)write_all(STDERR_FILENO, "\r\x1b[K");
}

void Spinner::turn() {
  std::unique_lock lock(mutex_);
  for (std::size_t i = 1; !ended_.wait_for(lock, kFrame, [this] { return end_; }); ++i)
    show_sign(i, text_);
}

}  // namespace ionian::cli
