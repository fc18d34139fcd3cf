// ionian-config-probe: one case a line on stdin, its answers on a line of stdout. A case is an
// environment, the text of a file and a list of questions; config_test.py asks the official module
// the same ones.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "ionian/config.hpp"

namespace {

using nlohmann::json;

struct ToJson {
  json operator()(std::monostate) const { return nullptr; }
  json operator()(double number) const {
    // JSON has no infinity.
    return number - number == 0 ? json(number) : json{{"float", number > 0 ? "inf" : "-inf"}};
  }
  template <class T>
  json operator()(const T& value) const {
    return value;
  }
};

json to_json(const ionian::ConfigValue& value) { return std::visit(ToJson(), value); }

std::optional<std::string> optional(const json& question, const char* key) {
  return question.contains(key) && question[key].is_string()
             ? std::optional(question[key].get<std::string>())
             : std::nullopt;
}

json answer(ionian::Config& config, const json& question) {
  const std::string op = question["op"];
  if (op == "get")
    return to_json(config.value(question["key"].get<std::string>(), optional(question, "profile"),
                                question.value("use_env", true)));
  if (op == "profiles") return config.profiles();
  if (op == "profile") return config.profile();
  if (op == "credentials") {
    const ionian::Credentials c = config.credentials();
    return json{c.token_id, c.token_secret, c.oauth_refresh_token};
  }
  if (op == "to_dict") {
    json out = json::object();
    for (const auto& [key, value] : config.to_dict(ionian::Config::Include::kAll))
      out[key] = to_json(value);
    return out;
  }
  if (op == "override")
    return config.override_locally(question["key"].get<std::string>(),
                                   question["value"].get<std::string>()),
           nullptr;
  if (op == "activate")
    return config.set_active_profile(question["name"].get<std::string>()), nullptr;
  if (op == "store")
    return config.store(question["settings"], question["profile"].get<std::string>(),
                        optional(question, "activate")),
           nullptr;
  return {{"unknown", op}};
}

json answer_or_error(ionian::Config& config, const json& question) {
  const auto error = [](const char* name, const std::exception& e) {
    return json{{"error", name}, {"message", e.what()}};
  };
  try {
    return {{"ok", answer(config, question)}};
  } catch (const ionian::InvalidError& e) {
    return error("InvalidError", e);
  } catch (const ionian::NotFoundError& e) {
    return error("NotFoundError", e);
  } catch (const ionian::AuthError& e) {
    return error("AuthError", e);
  } catch (const ionian::Error& e) {
    return error("Error", e);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string path = argv[1];
  ::setenv("MODAL_CONFIG_PATH", path.c_str(), 1);
  for (std::string line; std::getline(std::cin, line);) {
    const json one = json::parse(line);
    std::ofstream(path, std::ios::binary) << one["file"].get<std::string>();
    for (const auto& [name, value] : one["env"].items())
      ::setenv(name.c_str(), value.get<std::string>().c_str(), 1);
    ionian::Config config;
    json out = json::array();
    for (const json& question : one["questions"]) out.push_back(answer_or_error(config, question));
    for (const auto& [name, value] : one["env"].items()) ::unsetenv(name.c_str());
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    std::cout << json{{"answers", out}, {"file", text.str()}}.dump() << std::endl;
  }
}
