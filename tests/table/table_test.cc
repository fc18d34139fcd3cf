// Walks the table of RPCs: each method of the protocol is bound, with its own types and in its own
// shape, or stands in services/unimplemented.txt; never in both, never in neither.
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "base/file.h"
#include "images/base_images.h"
#include "images/builder.h"
#include "server/handlers.h"

namespace ionian::server {
namespace {

struct ProtocolMethod {
  std::string path, request, reply;
  bool client_stream, server_stream;
};

const std::vector<ProtocolMethod>& protocol() {
  static const std::vector<ProtocolMethod> methods = {
#include "methods.inc"
  };
  return methods;
}

class NoSteps final : public images::StepRunner {
 public:
  Result<images::StepResult> run(const images::StepSpec&,
                                 const std::function<void(int, std::string_view)>&,
                                 const std::atomic<bool>&) override {
    return fail(Code::kUnimplemented, "this test builds nothing");
  }
};

class AnyRoom final : public rpc::Room {
 public:
  void run(rpc::ActiveCallPtr) override {}
};

std::string make_folder() {
  std::string pattern = testing::TempDir() + "ionian-table-XXXXXX";
  return ::mkdtemp(pattern.data());
}

template <class T>
T value(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << result.error().message;
  return *std::move(result);
}

// All that the handlers are made of, on an empty folder, and no server.
struct Whole {
  Whole() {
    table.add_room<store::Tx>(room);
    table.add_room<store::View>(room);
    table.add_room<services::Slow>(room);
    table.add_room<core::Core>(room);
    table.add_room<logs::LogStore>(room);
    table.add_room<services::TokenFlows>(room);
    table.set_inline_room(room);
    handlers.bind(apps, images, table);
  }
  ~Whole() { EXPECT_TRUE(remove_tree(folder)); }

  const std::string folder = make_folder();
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<store::Store> store =
      value(store::Store::open(folder, value(store::Store::lock(folder))));
  services::KeyFile key = value(services::KeyFile::open(folder + "/secret.key", random));
  rpc::FdNumbers numbers{500, 1};
  services::Identity identity{*store, key, numbers, clock};
  services::AccessRules access{*store};
  services::SignIns sign_ins{key, random};
  core::Core core{core::Limits{}, random};
  logs::LogStore logs{folder + "/logs"};
  rpc::Loop core_loop{"core", clock, &core};
  rpc::Loop log_loop{"logs", clock, &logs};
  blobs::BlobStore blobs = value(blobs::BlobStore::open_folder(folder + "/blobs"));
  images::ClientMounts client_mounts = value(
      images::ClientMounts::open_folder({.root = folder + "/runtime", .cache = folder + "/cache"}));
  images::MountTrees mount_trees =
      value(images::MountTrees::open_folder(folder + "/mounts", blobs));
  services::Context context{clock,  random,   *store,        key,         identity,
                            access, sign_ins, core,          core_loop,   log_loop,
                            logs,   blobs,    client_mounts, mount_trees, ""};
  images::LayerStore layers = value(images::LayerStore::open_folder(folder + "/layers"));
  images::BaseImages bases = value(images::BaseImages::open_folder(
      {.root = folder + "/bases", .cache = folder + "/cache", .host = {}}, layers));
  NoSteps steps;
  images::Builder builder = value(images::Builder::make(
      layers, bases, steps, {.root = folder + "/build", .cache = folder + "/cache", .host = {}}));
  services::Images images{context, builder};
  services::Apps apps{context};
  services::ServerFacts facts;
  Handlers handlers{context, facts};
  AnyRoom room;
  rpc::Table table;
};

std::vector<std::string> unimplemented() {
  std::ifstream file(UNIMPLEMENTED);
  EXPECT_TRUE(file.good());
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#') names.push_back(line);
  return names;
}

std::string short_name(const std::string& path) {
  return path.starts_with(rpc::Table::kModal) ? path.substr(rpc::Table::kModal.size())
                                              : path.substr(1);
}

TEST(Table, EachMethodIsBoundOrListedAsUnimplemented) {
  const Whole whole;
  const std::vector<std::string> listed = unimplemented();
  const std::set<std::string> missing(listed.begin(), listed.end());
  for (const ProtocolMethod& method : protocol()) {
    const bool bound = whole.table.find(method.path) != nullptr;
    const std::string name = short_name(method.path);
    if (bound)
      EXPECT_FALSE(missing.contains(name)) << name << " is bound: take it out of unimplemented.txt";
    else
      EXPECT_TRUE(missing.contains(name)) << name << " is neither bound nor in unimplemented.txt";
  }
}

TEST(Table, ABoundMethodHasTheTypesAndTheShapeOfTheProtocol) {
  const Whole whole;
  int bound = 0;
  for (const ProtocolMethod& method : protocol()) {
    const rpc::Method* found = whole.table.find(method.path);
    if (!found) continue;
    ++bound;
    EXPECT_EQ(found->request_type->full_name(), method.request) << method.path;
    EXPECT_EQ(found->reply_type->full_name(), method.reply) << method.path;
    EXPECT_EQ(found->stream != nullptr, method.server_stream) << method.path;
    EXPECT_EQ(found->handle != nullptr, !method.server_stream) << method.path;
    EXPECT_FALSE(method.client_stream)
        << method.path << ": the table has no shape for client streams";
    EXPECT_EQ(found->make_request()->GetDescriptor()->full_name(), method.request);
  }
  EXPECT_GT(bound, 40);
}

TEST(Table, WhatIsBoundBesidesTheProtocolIsOurOwnService) {
  const Whole whole;
  std::set<std::string> known;
  for (const ProtocolMethod& method : protocol()) known.insert(method.path);
  EXPECT_EQ(known.size(), protocol().size());
  for (const auto& [path, method] : whole.table.methods())
    EXPECT_TRUE(known.contains(path) || path.starts_with(rpc::Table::kAdmin)) << path;
}

TEST(Table, TheListOfMissingMethodsIsSortedAndOfTheProtocol) {
  const std::vector<std::string> listed = unimplemented();
  EXPECT_TRUE(std::is_sorted(listed.begin(), listed.end()));
  std::set<std::string> known;
  for (const ProtocolMethod& method : protocol()) known.insert(short_name(method.path));
  std::set<std::string> seen;
  for (const std::string& name : listed) {
    EXPECT_TRUE(known.contains(name)) << name << " is no method of the protocol";
    EXPECT_TRUE(seen.insert(name).second) << name << " stands there twice";
  }
}

// Policy is data on the table's line: what may be called without credentials, or is for containers
// only.
TEST(Table, OnlyTheSignInIsOpenToEverybody) {
  const Whole whole;
  std::set<std::string> open;
  for (const auto& [path, method] : whole.table.methods())
    if (method.access == rpc::Access::kAnonymous) open.insert(short_name(path));
  const std::set<std::string> may = {"CliCommandSuggest", "TokenFlowCreate", "TokenFlowWait"};
  for (const std::string& name : open)
    EXPECT_TRUE(may.contains(name)) << name << " is open to everybody";
}

}  // namespace
}  // namespace ionian::server
