#pragma once
// What lists and pages of tokens have in common.
#include "gateway/pages/parts.h"
#include "services/token_rules.h"
#include "store/tokens.h"

namespace ionian::gateway::pages {

// A token with the names that belong to it.
struct TokenRow {
  store::Token token;
  std::string acts_as;       // a role
  std::string owner;         // whose it is
  std::string environments;  // "all", "main, staging"
};
TokenRow row_of(store::View& view, const store::Token& token);

services::TokenRules token_rules(const Visit& visit);
// "Revoke NAME?", for lists and for its own page.
Question revoke_question(const Visit& visit, const store::Token& token);
Html token_tags(const store::Token& token, Time now);
Html expiry(const store::Token& token, Time now);
Html last_use(const store::Token& token, Time now);

}  // namespace ionian::gateway::pages
