#pragma once
// Lengths and points of time, as every function of the library takes them.
#if __has_include(<bits/chrono.h>)
#include <bits/chrono.h>  // <chrono> itself brings the calendar, a third of a second in every file.
#else
#include <chrono>
#endif

namespace ionian {
// Any std duration converts to it.
using Duration = std::chrono::nanoseconds;
using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;
// 30s, 5min
using namespace std::chrono_literals;

inline namespace v0 {
// "As long as it takes", wherever a wait is asked for.
inline constexpr Duration kForever = Duration::max();
}  // namespace v0
}  // namespace ionian
