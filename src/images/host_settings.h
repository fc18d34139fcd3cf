#pragma once
// How this host reaches the world, as the host itself says: its CA bundle, its settings
// of pip and apt, its proxies. Builds may use the same, without any of it staying in an image.
#include <future>
#include <string>
#include <vector>

#include "base/result.h"
#include "images/image.h"

namespace ionian::images {

struct AptSource {
  std::string options;  // "[signed-by=…] " or ""
  std::string uri;
  std::string suite_suffix;  // "", "-updates", "-security"
  std::string components;
};

struct HostSettings {
  std::string ca_bundle;               // path, "" if the host has none
  Variables pip;                       // "index-url" and its value
  Variables env;                       // proxies, and what uv needs to do as pip does
  std::vector<std::string> apt_lines;  // lines of an apt.conf: proxies, retries, checks of dates
  std::vector<AptSource> debian;  // the host's own Debian archives; empty on another distribution

  // `python`: the host's interpreter with pip.
  static HostSettings detect(const std::string& python = "python3");
};

// The same, asked for by whoever wants it first: pip is a program, and slow to start, and most
// lives of a server build nothing.
class HostSettingsWhenWanted {
 public:
  HostSettingsWhenWanted() : HostSettingsWhenWanted(HostSettings{}) {}
  HostSettingsWhenWanted(HostSettings known);  // NOLINT: as good as them
  static HostSettingsWhenWanted detect();
  const HostSettings& get() const { return settings_.get(); }

 private:
  explicit HostSettingsWhenWanted(std::shared_future<HostSettings> settings)
      : settings_(std::move(settings)) {}
  std::shared_future<HostSettings> settings_;
};

// What the one "deb …" line or deb822 text of apt's sources says, for the release `codename` of
// this host.
std::vector<AptSource> parse_apt_sources(std::string_view text, std::string_view codename);

struct Bind {
  std::string source, target;
  bool read_only = true;
};

// The settings as a step of a build gets them: one folder, bound at kTarget, and variables that
// point into it.
struct StepAid {
  static constexpr std::string_view kTarget = "/run/ionian-host";
  std::vector<Bind> binds;  // to be made in this order
  Variables env;
};

// Writes the folder. Everything in it may be read by every user of a container.
Result<StepAid> make_step_aid(const HostSettings& host, const std::string& folder);

}  // namespace ionian::images
