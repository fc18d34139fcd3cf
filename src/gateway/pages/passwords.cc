#include "gateway/pages/passwords.h"

namespace ionian::gateway::pages {

std::string password_error(const std::string& password) {
  if (password.size() < kPasswordMin) return "Choose 12 characters or more.";
  if (password.size() > kPasswordMax) return "Choose 1,000 characters or fewer.";
  return {};
}

Html new_password_field(const Errors& errors, bool focus, std::string_view label) {
  return field(
      {.name = "password",
       .label = label,
       .input = html(R"(type="password" autocomplete="new-password" minlength="12" required{})",
                     focus ? html(" autofocus") : Html()),
       .hint = html("12 characters or more. A few unrelated words are good.")},
      errors);
}

Result<std::string> hash_on_pool(Visit& visit, const std::string& password) {
  Result<std::string> hash = fail(Code::kResourceExhausted, "too many passwords are being checked");
  if (!visit.elsewhere(visit.site.hashing,
                       [&] { hash = services::SignIns::hash_password(password); }))
    return fail(Code::kResourceExhausted, "too many passwords are being checked");
  return hash;
}

}  // namespace ionian::gateway::pages
