#pragma once
// A new pair of credentials: asked about, written, and what follows from it.
#include <cstdint>
#include <string>

namespace ionian::cli {

struct NewToken {
  std::string token_id, token_secret;
  std::string server_url, url_origin;  // which server's it is, and what decided that
  enum class Verify { kYes, kNo } verify = Verify::kYes;
  enum class Activate { kYes, kNo } activate = Activate::kYes;
  enum class Old { kKeep, kDelete } old = Old::kKeep;
  std::uint32_t overlap_seconds = 0;  // kDelete: how long the former token goes on
  // The profile that takes it; empty: MODAL_PROFILE, else named after the workspace (unverified:
  // the one in use).
  std::string profile;
};

// Verifies, writes into the file of profiles, deletes the profile's former token if asked to, and
// warns about variables that win over the file. Nothing is written if the server does not take the
// pair.
void store_token(const NewToken& token);

}  // namespace ionian::cli
