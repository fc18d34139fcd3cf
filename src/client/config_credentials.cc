#include "client/config_credentials.h"

#include <algorithm>

namespace ionian::client {
namespace {

// A setting's text; empty if it has none.
Result<std::string> text_of(const ConfigState& state, std::string_view key) {
  const Setting& setting = *find_setting(key);
  ASSIGN_OR_RETURN(const ConfigValue value, state.value(setting, state.profile, true));
  return to_text(value).value_or("");
}

std::string origin_of(const ConfigState& state, std::string_view key) {
  return state.origin(*find_setting(key), state.profile, true).str();
}

Result<void> check_profiles(const ConfigState& state) {
  const auto active = std::ranges::count_if(state.file.profiles, &Profile::active);
  const std::string mend = cat("Run `ionian profile activate NAME`, or edit ", state.path);
  if (active > 1) return fail(Code::kInvalidArgument, "more than one profile is active. ", mend);
  if (active == 0 && state.file.profiles.size() > 1 && !state.profile_chosen)
    return fail(Code::kInvalidArgument, "no profile is active, and there are several. ", mend);
  return {};
}

std::unexpected<Status> missing(const ConfigState& state) {
  if (state.profile_chosen && !state.file.find(state.profile))
    return fail(
        Code::kUnauthenticated, "MODAL_PROFILE names the profile '", state.profile, "', which ",
        state.path,
        " does not have. See `ionian profile list`, or make it: `ionian token set --profile ",
        state.profile, "`");
  return fail(
      Code::kUnauthenticated,
      "no credentials: neither MODAL_TOKEN_ID and MODAL_TOKEN_SECRET in the environment nor "
      "token_id and token_secret in profile ",
      state.profile, " of ", state.path, ". Run `ionian setup`, or `ionian token set`");
}

std::unexpected<Status> half(const ConfigState& state, std::string_view have,
                             std::string_view lack) {
  return fail(Code::kUnauthenticated, lack, " is missing: ", have, " comes from ",
              origin_of(state, have), ", but neither ", variable_of(lack), " nor profile ",
              state.profile, " of ", state.path, " has a ", lack);
}

}  // namespace

Result<void> check_credential(std::string_view name, std::string_view text,
                              std::string_view origin) {
  if (std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; })) return {};
  return fail(Code::kInvalidArgument, name, " (from ", origin,
              ") holds white space or a character that no token has. Copy it again");
}

Result<Credentials> find_credentials(const ConfigState& state) {
  Credentials out;
  if (state.remote) return out;
  TRY(check_profiles(state));
  const std::pair<std::string_view, std::string*> wanted[] = {
      {"token_id", &out.token_id},
      {"token_secret", &out.token_secret},
      {"oauth_refresh_token", &out.oauth_refresh_token},
      {"oauth_client_id", &out.oauth_client_id},
      {"oauth_client_secret", &out.oauth_client_secret},
      {"oauth_jwt_key", &out.oauth_jwt_key}};
  for (const auto& [key, target] : wanted) {
    ASSIGN_OR_RETURN(*target, text_of(state, key));
    if (key != "oauth_jwt_key") TRY(check_credential(key, *target, origin_of(state, key)));
  }
  const bool token = !out.token_id.empty() || !out.token_secret.empty();
  const bool oauth = !out.oauth_refresh_token.empty() || !out.oauth_client_id.empty() ||
                     !out.oauth_client_secret.empty() || !out.oauth_jwt_key.empty();
  if (token && oauth)
    return fail(Code::kInvalidArgument,
                "a token and OAuth credentials are both configured: remove one");
  if (oauth && (out.oauth_refresh_token.empty() || out.oauth_client_id.empty() ||
                out.oauth_client_secret.empty() == out.oauth_jwt_key.empty()))
    return fail(Code::kInvalidArgument,
                "OAuth needs oauth_refresh_token, oauth_client_id, and one of oauth_client_secret "
                "and oauth_jwt_key");
  if (oauth) return out;
  if (!token) return missing(state);
  if (out.token_secret.empty()) return half(state, "token_id", "token_secret");
  if (out.token_id.empty()) return half(state, "token_secret", "token_id");
  return out;
}

}  // namespace ionian::client
