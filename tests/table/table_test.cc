// Walks the table of RPCs: each method of the protocol is bound, with its own types and in its own
// shape, or stands in services/unimplemented.txt; never in both, never in neither.
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "whole.h"

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

// A method that is served takes one off; nothing puts one on.
TEST(Table, TheListOfWhatIsMissingOnlyShrinks) { EXPECT_EQ(unimplemented().size(), 134u); }

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
    EXPECT_EQ(found->client_stream, method.client_stream) << method.path;
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
    EXPECT_TRUE(known.contains(path) || path.starts_with("/ionian.")) << path;
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
