#pragma once
// Texts read as Python's str.strip, int() and float() read them: the same environment variable
// means the same to our clients and to the Python one.
#include <cstdint>
#include <optional>
#include <string_view>

namespace ionian::client {

// Without white space at both ends, Unicode's included.
std::string_view strip(std::string_view text);
// int(text): sign, digits, single underscores between digits. nullopt also for what 64 bits cannot
// hold.
std::optional<std::int64_t> to_int(std::string_view text);
// float(text): also "inf", "infinity", "nan", ".5", "5.", "1_0e-3".
std::optional<double> to_float(std::string_view text);

std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);

}  // namespace ionian::client
