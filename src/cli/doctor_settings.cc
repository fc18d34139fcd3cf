#include <cstdlib>

#include "base/cat.h"
#include "cli/doctor.h"
#include "client/config_file.h"
#include "client/config_store.h"
#include "client/endpoint.h"
#include "ionian/config.hpp"

namespace ionian::cli {
namespace {

bool check_file(Report& report) {
  const std::string path = client::config_path();
  if (client::is_remote()) {
    report.good("file", "inside a container no file is read");
    return true;
  }
  const auto stored = client::read_config(path);
  if (!stored) {
    report.bad("file", stored.error().message,
               "Make it readable for you, or let MODAL_CONFIG_PATH name another");
    return false;
  }
  if (!*stored) {
    report.good("file", cat(path,
                            " does not exist: every setting comes from the environment or "
                            "has its default"));
    return true;
  }
  const auto parsed = client::parse_config((*stored)->text, path);
  if (!parsed) {
    report.bad("file", parsed.error().message, "Mend that line; nothing is written meanwhile");
    return false;
  }
  report.good("file", cat(path, ", profiles: ", parsed->profiles.size()));
  if (const auto warnings = config().warnings(); !warnings.empty())
    report.warn("permissions", cat(path, " can be read by other users"), cat("chmod 600 ", path));
  else
    report.good("permissions", "only you can read it");
  return true;
}

void check_profile(Report& report) {
  const char* chosen = std::getenv("MODAL_PROFILE");
  const std::string profile = config().profile();
  const bool named = chosen && *chosen;
  bool exists = false;
  for (const std::string& one : config().profiles()) exists |= one == profile;
  if (named && !exists)
    return report.warn("profile",
                       cat("MODAL_PROFILE names '", profile,
                           "', which the file does not "
                           "have"),
                       "`ionian profile list` shows those that there are");
  report.good("profile", cat(profile, named    ? ", chosen by MODAL_PROFILE"
                                      : exists ? ", the active one of the file"
                                               : ", the default"));
}

bool check_credentials(Report& report) {
  try {
    const Credentials found = config().credentials();
    if (found.is_oauth()) {
      report.bad("credentials", "OAuth credentials are configured",
                 "Ionian takes token pairs: remove the oauth_… settings and run `ionian setup`");
      return false;
    }
    report.good("credentials", found.token_id.empty()
                                   ? std::string("none, as inside a container")
                                   : cat("token_id from ", config().origin("token_id"),
                                         ", token_secret from ", config().origin("token_secret")));
    return true;
  } catch (const Error& error) {
    report.bad("credentials", error.what(), "");
    return false;
  }
}

void check_address(Report& report) {
  try {
    const std::string url = config().server_url();
    const ConfigOrigin origin = config().origin("server_url");
    if (origin.kind == ConfigOrigin::Kind::kDefault)
      report.warn("address",
                  cat("no server_url is set: this program takes ", url,
                      ", but the official clients go to servers of their own"),
                  cat("`ionian config set server_url ", url, "`"));
    else
      report.good("address", cat(url, ", from ", origin));
  } catch (const Error& error) {
    report.bad("address", error.what(), "For a server on this machine: http://127.0.0.1:8713");
  }
}

}  // namespace

bool check_settings(Report& report) {
  if (!check_file(report)) {
    for (const char* check : {"profile", "credentials", "address"})
      report.skip(check, "the file cannot be read");
    return false;
  }
  check_profile(report);
  const bool credentials = check_credentials(report);
  check_address(report);
  return credentials;
}

}  // namespace ionian::cli
