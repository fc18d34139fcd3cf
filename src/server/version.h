#pragma once
namespace ionian::server {
inline constexpr const char* kVersion = "0.1.0";
}
