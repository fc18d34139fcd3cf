// Any bytes as a file of profiles: reading ends with an answer or an error; an edit that is made
// holds the old content and the change; the scanner finds every key that the parser does. Built
// with -fsanitize=fuzzer this is a target for libFuzzer; built without, its main() runs the corpus
// and mutations of it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "client/config_edit.h"
#include "client/config_file.h"
#include "client/config_scan.h"

namespace {

void require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ionian::client;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const Statement& one : scan_toml(text)) {
    require(one.begin <= one.key && one.key <= one.end && one.end <= text.size());
    require(one.value <= one.value_end && one.value_end <= text.size());
  }
  const auto file = parse_config(text, "f");
  const ConfigEdit edit{.profile = "new",
                        .settings = {{"token_id", "ak-\"1\""}, {"environment", "\n"}},
                        .activate = "new"};
  const auto after = edit_config(text, edit, "f");
  require(file || !after);
  if (!after) return 0;
  const auto again = parse_config(*after, "f");
  require(again.has_value());
  for (const Profile& profile : file->profiles) {
    const Profile* kept = again->find(profile.name);
    require(kept && (kept->active() == (profile.name == "new")));
    for (const Entry& entry : profile.entries)
      require(entry.key == "active" || kept->find(entry.key));
  }
  require(again->find("new") && again->find("new")->active());
  const auto twice = edit_config(*after, edit, "f");
  require(twice && *twice == *after);
  return 0;
}
