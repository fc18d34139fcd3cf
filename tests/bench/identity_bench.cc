// Times of what every call and every command pays for identity: a token's check, with and without
// what the server remembers, and a Config. One JSON line a figure.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "base/cat.h"
#include "base/file.h"
#include "base/test_folder.h"
#include "ionian/config.hpp"
#include "services/auth_tokens.h"
#include "services/identity.h"
#include "store/people.h"
#include "store/workspaces.h"

namespace ionian {
namespace {

using Stopwatch = std::chrono::steady_clock;

void print(const std::string& name, const char* goal, std::vector<double> us) {
  std::sort(us.begin(), us.end());
  std::printf(
      "{\"figure\": \"%s\", \"unit\": \"us\", \"median\": %.2f, \"p99\": %.2f, \"goal\": \"%s\"}\n",
      name.c_str(), us[us.size() / 2], us[us.size() * 99 / 100], goal);
}

template <class F>
std::vector<double> time_each(int n, F&& f) {
  std::vector<double> us;
  for (int i = 0; i < n; ++i) {
    const auto began = Stopwatch::now();
    f(i);
    us.push_back(std::chrono::duration<double, std::micro>(Stopwatch::now() - began).count());
  }
  return us;
}

template <class T>
T value(Result<T> result) {
  if (!result) {
    std::cerr << result.error().message << "\n";
    std::exit(1);
  }
  return *std::move(result);
}

// A store with `users` people who share `tokens` tokens; returns some of the pairs.
std::vector<services::TokenPair> fill(store::Store& store, const services::Identity& identity,
                                      Random& random, Time now, int users, int tokens) {
  std::vector<services::TokenPair> pairs;
  const Result<void> done = store.write_now([&](store::Tx& tx) -> Result<void> {
    const WorkspaceId workspace = WorkspaceId::make(random, now);
    store::insert_workspace(tx, {.id = workspace, .name = "w", .image_builder_version = ""}, now);
    std::vector<UserId> people;
    for (int i = 0; i < users; ++i) {
      people.push_back(UserId::make(random, now));
      store::insert_user(tx,
                         {people.back(), cat("user-", i), cat("u", i, "@example.com"), "", now});
      store::set_member(tx, workspace, people.back(), "member", now);
    }
    for (int i = 0; i < tokens; ++i) {
      const std::string owner = people[static_cast<std::size_t>(i % users)].str();
      auto [pair, record] = identity.make_token(random, workspace, owner, cat("token-", i));
      store::insert_token(tx, record);
      if (pairs.size() < 1000) pairs.push_back(pair);
    }
    return {};
  });
  if (!done) std::abort();
  return pairs;
}

void token_checks(const std::string& folder, int users, int tokens) {
  if (!make_folders(folder, 0700)) std::abort();
  SystemClock clock;
  SystemRandom random;
  const auto store = value(store::Store::open(folder, value(store::Store::lock(folder))));
  const auto key = value(services::KeyFile::open(folder + "/secret.key", random));
  rpc::FdNumbers numbers(500, 1);
  const services::AuthTokens auth_tokens(key);
  services::Identity identity(*store, key, auth_tokens, numbers, clock);
  const auto pairs = fill(*store, identity, random, clock.now(), users, tokens);
  const auto check = [&](int i) {
    const services::TokenPair& pair = pairs[static_cast<std::size_t>(i) % pairs.size()];
    rpc::RequestHeaders headers;
    headers.token_id = pair.id.str();
    headers.token_secret = pair.secret;
    if (!identity.authenticate(headers, "ipv4:127.0.0.1:4711")) std::abort();
  };
  time_each(static_cast<int>(pairs.size()), check);
  print(cat("token check, remembered, of ", tokens), "≤ 5 us", time_each(20'000, check));
  std::vector<double> misses;
  for (int i = 0; i < 2000; ++i) {
    identity.forget_tokens();
    misses.push_back(time_each(1, [&](int) { check(i); }).front());
  }
  print(cat("token check, looked up, of ", tokens), "≤ 100 us", std::move(misses));
}

void config_from_file(const std::string& folder, int profiles) {
  const std::string file = folder + "/modal.toml";
  std::string text;
  for (int i = 0; i < profiles; ++i)
    text += cat("[profile-", i, "]\ntoken_id = \"ak-", i, "\"\ntoken_secret = \"as-", i, "\"\n",
                i == 0 ? "active = true\n" : "", "server_url = \"http://127.0.0.1:8713\"\n\n");
  if (!write_file_durably(file, text, 0600)) std::abort();
  ::setenv("MODAL_CONFIG_PATH", file.c_str(), 1);
  print(cat("Config of a file with ", profiles, " profiles"), "≤ 200 us", time_each(2000, [](int) {
          Config config;
          if (config.token_id() != "ak-0") std::abort();
        }));
}

}  // namespace
}  // namespace ionian

int main() {
  const ionian::TestFolder folder("bench");
  ionian::token_checks(folder / "few", 10, 10);
  ionian::token_checks(folder / "many", 1000, 10'000);
  ionian::config_from_file(folder.path(), 10);
}
