// Requests that no client sends. A request of every method that names objects which its caller has
// is changed as the input says; what still parses goes to the handler. An answer of any kind is
// right but INTERNAL: nothing throws, nothing ends the program.
//
// The first byte of the input chooses methods; then come edits of three bytes: what, where, with
// what. An edit 0xff takes the rest of the input as the whole request.
#include <sodium.h>

#include <cstdint>
#include <cstdlib>

#include "outcome.h"
#include "requests.h"

namespace ionian::server {
namespace {

constexpr std::size_t kGroups = 8;

struct Seed {
  const rpc::Method* method;
  std::string bytes;
};

// Of each method once each of its objects is named; those of the machine's owner, who may write
// files anywhere, left out.
std::vector<Seed> make_seeds(World& w) {
  std::vector<Seed> seeds;
  for (const auto& [path, method] : w.whole.table.methods()) {
    if (method.access == rpc::Access::kOwner) continue;
    std::vector<Path> fields;
    collect(*method.request_type, short_name(path), w.a, {}, fields);
    if (fields.empty()) seeds.push_back({&method, method.make_request()->SerializeAsString()});
    if (fields.empty()) continue;
    const std::string own = object_for(w.a, short_name(path), *fields.front().back());
    seeds.push_back(
        {&method, request_with(method, fields, w.a, fields.front(), own)->SerializeAsString()});
  }
  return seeds;
}

std::string edited(std::string bytes, std::string_view edits) {
  while (edits.size() >= 3) {
    const auto what = static_cast<std::uint8_t>(edits[0]);
    if (what == 0xff) return std::string(edits.substr(1));
    const std::size_t at = static_cast<std::uint8_t>(edits[1]) % (bytes.size() + 1);
    if (what % 4 == 0) bytes.insert(at, 1, edits[2]);
    if (what % 4 == 1 && at < bytes.size()) bytes[at] = edits[2];
    if (what % 4 == 2) bytes.erase(at, static_cast<std::uint8_t>(edits[2]) % 16);
    if (what % 4 == 3) bytes.append(bytes.substr(at, static_cast<std::uint8_t>(edits[2])));
    edits.remove_prefix(3);
  }
  return bytes;
}

}  // namespace
}  // namespace ionian::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ionian::server;
  static World& world = *[] {
    if (sodium_init() < 0) std::abort();
    return std::make_unique<World>().release();
  }();
  static const std::vector<Seed> seeds = make_seeds(world);
  if (size == 0) return 0;
  const std::string_view edits(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (std::size_t i = data[0] % kGroups; i < seeds.size(); i += kGroups) {
    const ionian::rpc::MessagePtr request = seeds[i].method->make_request();
    if (!request->ParseFromString(edited(seeds[i].bytes, edits))) continue;
    for (const auto* who : {&world.owner, &world.container}) {
      const Outcome outcome = outcome_of(world, *seeds[i].method, *who, *request);
      if (outcome.answer.starts_with("INTERNAL")) {
        std::fprintf(stderr, "%s: %s\n", seeds[i].method->path.c_str(), outcome.answer.c_str());
        std::abort();
      }
    }
  }
  return 0;
}
