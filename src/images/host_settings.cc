#include "images/host_settings.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include "base/file.h"
#include "images/subprocess.h"

namespace ionian::images {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = ::getenv(name);
  return value ? value : "";
}

std::string find_ca_bundle() {
  for (const char* name : {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE"})
    if (const std::string path = environment(name);
        !path.empty() && ::access(path.c_str(), R_OK) == 0)
      return path;
  for (const char* path :
       {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"})
    if (::access(path, R_OK) == 0) return path;
  return "";
}

// `pip config list` prints "global.index-url='…'" and ":env:.index-url='…'", the stronger ones
// last.
Variables pip_settings(const std::string& python) {
  Variables out;
  auto exit = run_command({.args = {python, "-m", "pip", "config", "list"}});
  if (!exit || exit->code != 0) return out;
  constexpr std::string_view kWanted[] = {"index-url",  "extra-index-url", "trusted-host",
                                          "find-links", "no-index",        "proxy",
                                          "timeout",    "default-timeout", "retries"};
  std::istringstream lines(exit->out);
  for (const bool from_environment : {false, true}) {
    lines.clear();
    lines.seekg(0);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t equals = line.find('=');
      if (equals == line.npos || line.starts_with(":env:") != from_environment) continue;
      const std::size_t dot = line.rfind('.', equals);
      const std::string name = line.substr(dot + 1, equals - dot - 1);
      if (std::ranges::count(kWanted, name) == 0 || line.size() < equals + 3) continue;
      std::string value = line.substr(equals + 2, line.size() - equals - 3);
      for (std::size_t at; (at = value.find("\\n")) != value.npos;) value.replace(at, 2, " ");
      set_variable(out, name, std::move(value));
    }
  }
  return out;
}

std::vector<std::string> apt_settings() {
  std::vector<std::string> out;
  auto exit = run_command({.args = {"apt-config", "dump", "--no-empty"}});
  if (!exit || exit->code != 0) return out;
  constexpr std::string_view kWanted[] = {"Acquire::http", "Acquire::Check-", "Acquire::Retries",
                                          "Acquire::Force"};
  std::istringstream lines(exit->out);
  for (std::string line; std::getline(lines, line);)
    if (std::ranges::any_of(kWanted, [&](std::string_view w) { return line.starts_with(w); }))
      out.push_back(line);
  return out;
}

std::string os_release(std::string_view key) {
  auto text = read_file("/etc/os-release");
  if (!text) return "";
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(cat(key, "="))) {
      line.erase(0, key.size() + 1);
      std::erase(line, '"');
      return line;
    }
  return "";
}

std::vector<AptSource> debian_sources() {
  std::vector<AptSource> out;
  if (os_release("ID") != "debian") return out;
  std::vector<std::string> files = {"/etc/apt/sources.list"};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/etc/apt/sources.list.d", error))
    if (const auto ext = entry.path().extension(); ext == ".list" || ext == ".sources")
      files.push_back(entry.path());
  std::ranges::sort(files);
  for (const std::string& file : files)
    if (auto text = read_file(file))
      for (AptSource& source : parse_apt_sources(*text, os_release("VERSION_CODENAME")))
        out.push_back(std::move(source));
  return out;
}

// Only the archives of the release itself: those of others have their own suites, or lack "main".
void add_source(std::vector<AptSource>& out, std::string options, const std::string& uri,
                std::string_view suite, const std::string& components, std::string_view codename) {
  if (codename.empty() || !suite.starts_with(codename)) return;
  suite.remove_prefix(codename.size());
  if (suite != "" && suite != "-updates" && suite != "-security") return;
  if (cat(" ", components, " ").find(" main ") == std::string::npos) return;
  out.push_back({std::move(options), uri, std::string(suite), "main"});
}

void add_deb822(std::vector<AptSource>& out, std::map<std::string, std::string>& fields,
                std::string_view codename) {
  const std::string key = fields["Signed-By"];
  if (cat(" ", fields["Types"], " ").find(" deb ") != std::string::npos &&
      fields["Enabled"] != "no") {
    std::istringstream uris(fields["URIs"]);
    for (std::string uri; uris >> uri;) {
      std::istringstream suites(fields["Suites"]);
      for (std::string suite; suites >> suite;)
        add_source(out, key.starts_with('/') ? cat("[signed-by=", key, "] ") : "", uri, suite,
                   fields["Components"], codename);
    }
  }
  fields.clear();
}

void add_one_line(std::vector<AptSource>& out, const std::string& line, std::string_view codename) {
  std::istringstream words(line);
  std::string type, word, options;
  words >> type >> word;
  if (word.starts_with('[')) {
    options = word;
    while (!options.ends_with(']') && words >> word) cat_to(options, " ", word);
    options += ' ';
    words >> word;
  }
  std::string suite, components;
  words >> suite;
  std::getline(words, components);
  add_source(out, options, word, suite, components, codename);
}

}  // namespace

std::vector<AptSource> parse_apt_sources(std::string_view text, std::string_view codename) {
  std::vector<AptSource> out;
  std::map<std::string, std::string> fields;
  std::string last;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    if (line.find_first_not_of(" \t\r") == line.npos) {
      add_deb822(out, fields, codename);
      continue;
    }
    if (line.starts_with("deb ")) {
      add_one_line(out, line, codename);
    } else if (line.front() == ' ' && !last.empty()) {
      fields[last] += line;
    } else if (const std::size_t colon = line.find(':'); colon != line.npos) {
      last = line.substr(0, colon);
      const std::size_t value = line.find_first_not_of(" \t", colon + 1);
      fields[last] = value == line.npos ? "" : line.substr(value);
    }
  }
  add_deb822(out, fields, codename);
  return out;
}

HostSettings HostSettings::detect(const std::string& python) {
  HostSettings out;
  out.ca_bundle = find_ca_bundle();
  out.pip = pip_settings(python);
  out.apt_lines = apt_settings();
  out.debian = debian_sources();
  for (const char* name :
       {"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
        "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX"})
    if (std::string value = environment(name); !value.empty())
      out.env.emplace_back(name, std::move(value));
  for (auto [pip, uv] :
       {std::pair{"index-url", "UV_INDEX_URL"}, {"extra-index-url", "UV_EXTRA_INDEX_URL"}})
    if (const std::string* value = find_variable(out.pip, pip);
        value && !find_variable(out.env, uv))
      out.env.emplace_back(uv, *value);
  return out;
}

HostSettingsWhenWanted::HostSettingsWhenWanted(HostSettings known) {
  std::promise<HostSettings> promise;
  promise.set_value(std::move(known));
  settings_ = promise.get_future().share();
}

HostSettingsWhenWanted HostSettingsWhenWanted::detect() {
  return HostSettingsWhenWanted(
      std::async(std::launch::deferred, [] { return HostSettings::detect(); }).share());
}

Result<StepAid> make_step_aid(const HostSettings& host, const std::string& folder) {
  TRY(make_folders(folder));
  const std::string target(StepAid::kTarget);
  StepAid aid;
  aid.binds.push_back({folder, target});
  if (!host.ca_bundle.empty()) {
    ASSIGN_OR_RETURN(const std::string bundle, read_file(host.ca_bundle));
    TRY(write_file(folder + "/ca.crt", bundle));
    // Each of these tools asks for its own name, and requests overrides pip's.
    for (const char* name : {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT",
                             "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS"})
      aid.env.emplace_back(name, target + "/ca.crt");
  }
  std::string pip = "[global]\n";
  int links = 0;
  for (const auto& [name, value] : host.pip) {
    std::error_code error;
    if (name == "find-links" && value.starts_with('/')) {
      if (!fs::is_directory(value, error) || fs::is_empty(value, error)) continue;
      const std::string inside = cat("/links", links++);
      TRY(make_folders(folder + inside));
      aid.binds.push_back({value, target + inside});
      cat_to(pip, "find-links = ", target, inside, "\n");
    } else {
      cat_to(pip, name, " = ", value, "\n");
    }
  }
  TRY(write_file(folder + "/pip.conf", pip));
  aid.env.emplace_back("PIP_CONFIG_FILE", target + "/pip.conf");
  std::string apt;
  for (const std::string& line : host.apt_lines) cat_to(apt, line, "\n");
  if (!host.ca_bundle.empty()) cat_to(apt, "Acquire::https::CAInfo \"", target, "/ca.crt\";\n");
  TRY(write_file(folder + "/apt.conf", apt));
  aid.env.emplace_back("APT_CONFIG", target + "/apt.conf");
  aid.env.insert(aid.env.end(), host.env.begin(), host.env.end());
  return aid;
}

}  // namespace ionian::images
