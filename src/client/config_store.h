#pragma once
// The file of profiles on disk: found, read, replaced.
#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace ionian::client {

struct StoredText {
  std::string text;
  mode_t mode = 0;  // with its type, as stat() gives it
};

// $MODAL_CONFIG_PATH, else ~/.modal.toml.
std::string config_path();
// Whether this process runs in a container, where the file plays no part.
bool is_remote();

// nullopt: there is no such file.
Result<std::optional<StoredText>> read_config(const std::string& path);

// Replaces the file by `change` of its text ("" if there is none) so that a crash leaves the old
// one or the new one, mode 0600 from its creation on. Programs of ours wait for each other by a
// lock file beside it; one that takes no lock and writes meanwhile is noticed, and its text changed
// in turn. A symbolic link stays one. If `change` fails, or the system refuses, nothing is written.
Result<void> rewrite_config(const std::string& path,
                            const std::function<Result<std::string>(const std::string&)>& change);

}  // namespace ionian::client
