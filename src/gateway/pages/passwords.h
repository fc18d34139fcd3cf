#pragma once
// Passwords as pages ask for them: the rule, the field, and hashing on a thread of its own.
#include "gateway/pages/parts.h"

namespace ionian::gateway::pages {

inline constexpr std::size_t kPasswordMin = 12, kPasswordMax = 1000;

// "" or what to change.
std::string password_error(const std::string& password);
Html new_password_field(const Errors& errors, bool focus, std::string_view label = "Password");
// RESOURCE_EXHAUSTED: too many people wait already.
Result<std::string> hash_on_pool(Visit& visit, const std::string& password);

}  // namespace ionian::gateway::pages
