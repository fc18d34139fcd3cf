#include "services/standby_key.h"

#include <map>

#include "base/cat.h"
#include "blobs/hash.h"

namespace ionian::services {

std::string standby_key(const WorkspaceId& workspace, const EnvironmentId& environment,
                        const worker::TaskSpec& spec) {
  std::string all;
  const auto add = [&](std::string_view text) { cat_to(all, text.size(), ":", text); };
  add(workspace.str());
  add(environment.str());
  add(spec.user());
  add(spec.network() ? "network" : "");
  add(cat(spec.standby().lowers_size()));
  for (const std::string& lower : spec.standby().lowers()) add(lower);
  // In an order of its own: that of a map is any.
  for (const auto& [name, value] :
       std::map<std::string, std::string>(spec.standby().env().begin(), spec.standby().env().end()))
    add(name), add(value);
  return blobs::sha256_hex(all);
}

}  // namespace ionian::services
