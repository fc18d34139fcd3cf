#include "ionian/config.hpp"

#include <sys/stat.h>

#include <cmath>
#include <cstdlib>
#include <mutex>

#include "client/config_credentials.h"
#include "client/config_edit.h"
#include "client/config_state.h"
#include "client/config_store.h"
#include "client/python_text.h"

namespace ionian {
inline namespace v0 {

using client::ConfigState;
using client::throw_status;

struct Config::Impl {
  mutable std::mutex mutex;
  bool loaded = false;  // guarded by mutex, as all below
  ConfigState state;

  // What `read` returns of the loaded state.
  template <class Read>
  auto with(Read read) {
    const std::lock_guard lock(mutex);
    if (!std::exchange(loaded, true)) state.load();
    return read(std::as_const(state));
  }
  template <class Read>
  auto with_file(Read read) {
    return with([&](const ConfigState& now) {
      if (!now.error.ok()) throw InvalidError(now.error.message);
      return read(now);
    });
  }

  void write(const std::function<Result<std::string>(const std::string&)>& change) {
    const std::lock_guard lock(mutex);
    if (client::is_remote())
      throw InvalidError("the file of profiles cannot be changed inside a container");
    const Result<void> done = client::rewrite_config(client::config_path(), change);
    if (!done) throw_status(done.error());
    state.load();
    loaded = true;
  }
};

namespace {

const client::Setting& known(std::string_view key) {
  const client::Setting* setting = client::find_setting(key);
  if (!setting) throw NotFoundError(cat("there is no setting named '", key, "'"));
  return *setting;
}

}  // namespace

Config::Config() : impl_(std::make_unique<Impl>()) {}
Config::~Config() = default;

ConfigValue Config::value(std::string_view key, std::optional<std::string> profile,
                          bool use_env) const {
  const client::Setting& setting = known(key);
  return impl_->with_file([&](const ConfigState& now) {
    Result<ConfigValue> value = now.value(setting, profile.value_or(now.profile), use_env);
    if (!value) throw_status(value.error());
    return *std::move(value);
  });
}

std::optional<std::string> Config::get(std::string_view key, std::optional<std::string> profile,
                                       bool use_env) const {
  return to_text(value(key, std::move(profile), use_env));
}

ConfigOrigin Config::origin(std::string_view key, std::optional<std::string> profile,
                            bool use_env) const {
  const client::Setting& setting = known(key);
  return impl_->with_file([&](const ConfigState& now) {
    return now.origin(setting, profile.value_or(now.profile), use_env);
  });
}

Credentials Config::credentials() const {
  return impl_->with_file([](const ConfigState& now) {
    Result<Credentials> found = client::find_credentials(now);
    if (!found) throw_status(found.error());
    return *std::move(found);
  });
}

void Config::override_locally(std::string_view key, std::string_view value) {
  const std::lock_guard lock(impl_->mutex);
  if (client::find_setting(key))
    impl_->state.overrides.insert_or_assign(std::string(key), std::string(value));
  else
    ::setenv(client::to_upper(key).c_str(), std::string(value).c_str(), 1);
}

std::map<std::string, ConfigValue> Config::to_dict(Include include) const {
  std::map<std::string, ConfigValue> out;
  for (const client::Setting& setting : client::all_settings())
    if (include == Include::kAll || setting.scope == client::Setting::Scope::kPublic)
      out.emplace(setting.name, value(setting.name));
  return out;
}

void Config::reload() {
  const std::lock_guard lock(impl_->mutex);
  impl_->state.load();
  impl_->loaded = true;
}

std::string Config::path() const {
  return impl_->with([](const ConfigState& now) { return now.path; });
}
std::string Config::profile() const {
  return impl_->with_file([](const ConfigState& now) { return now.profile; });
}

std::vector<std::string> Config::profiles() const {
  return impl_->with_file([](const ConfigState& now) {
    std::vector<std::string> out;
    out.reserve(now.file.profiles.size());
    for (const client::Profile& one : now.file.profiles) out.push_back(one.name);
    return out;
  });
}

std::vector<std::string> Config::warnings() const {
  return impl_->with([](const ConfigState& now) {
    std::vector<std::string> out;
    if (S_ISREG(now.mode) && (now.mode & 066) != 0)
      out.push_back(
          cat(now.path,
              " holds secrets and can be read by other users of this machine. Run: chmod 600 ",
              now.path));
    return out;
  });
}

void Config::store(const std::map<std::string, std::string>& settings, const std::string& profile,
                   std::optional<std::string> activate) {
  impl_->write([&](const std::string& text) {
    return client::edit_config(text,
                               {.profile = profile, .settings = settings, .activate = activate},
                               client::config_path());
  });
}

void Config::set_active_profile(const std::string& name) {
  impl_->write([&](const std::string& text) -> Result<std::string> {
    const std::string path = client::config_path();
    ASSIGN_OR_RETURN(const client::ConfigFile file, client::parse_config(text, path));
    if (!file.find(name)) return fail(Code::kNotFound, "no profile named '", name, "' in ", path);
    return client::edit_config(text, {.profile = name, .settings = {}, .activate = name}, path);
  });
  const std::lock_guard lock(impl_->mutex);
  impl_->state.profile = name;
}

Config& config() {
  static Config* const process = new Config;  // never destroyed: others' destructors may still ask
  return *process;
}
std::vector<std::string> config_profiles() { return config().profiles(); }
void config_set_active_profile(std::string_view name) {
  config().set_active_profile(std::string(name));
}

}  // namespace v0
}  // namespace ionian
