#pragma once
// All that the handlers are made of, on an empty folder, and no server.
#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "images/base_images.h"
#include "images/builder.h"
#include "server/handlers.h"

namespace ionian::server {

class NoSteps final : public images::StepRunner {
 public:
  Result<images::StepResult> run(const images::StepSpec&,
                                 const std::function<void(int, std::string_view)>&,
                                 const std::atomic<bool>&) override {
    return fail(Code::kUnimplemented, "this test builds nothing");
  }
};

class NoFunctions final : public services::FunctionBuilder {
 public:
  Result<images::BuiltImage> build(const services::FunctionBuild&, images::BuildLog&,
                                   const std::atomic<bool>&) override {
    return fail(Code::kUnimplemented, "this test builds nothing");
  }
};

// They are on their way for ever.
class NoPrograms final : public worker::ExecRunner {
 public:
  void exec(const TaskId&, container::ExecSpec, container::Stdio, worker::ExecHooks) override {}
  void signal_exec(const std::string&, int) override {}
};

// Where a method's handler would run: its third parameter.
enum class Where {
  kInline,
  kWrite,
  kRead,
  kSlow,
  kVolumes,
  kCore,
  kLogs,
  kExecs,
  kFlows,
  kTakes,
  kData
};

class NamedRoom final : public rpc::Room {
 public:
  explicit NamedRoom(Where where) : where(where) {}
  void run(rpc::ActiveCallPtr) override {}
  const Where where;
};

template <class T>
T value(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << result.error().message;
  return *std::move(result);
}

struct Whole {
  Whole() {
    table.add_room<store::Tx>(write_room);
    table.add_room<store::View>(read_room);
    table.add_room<services::Slow>(slow_room);
    table.add_room<services::VolumeWork>(volume_room);
    table.add_room<core::Core>(core_room);
    table.add_room<logs::LogStore>(log_room);
    table.add_room<worker::Execs>(exec_room);
    execs.connect(no_programs, [](const std::string&) {});
    table.add_room<services::TokenFlows>(flow_room);
    table.add_room<services::QueueTakes>(take_room);
    table.add_room<services::DataWatch>(data_room);
    table.set_inline_room(inline_room);
    handlers.bind(apps, images, base_image_calls, table);
    EXPECT_TRUE(store->write_now(
        [this](store::Tx& tx) { return auth_tokens.load(tx, random, clock.now()); }));
  }

  const TestFolder folder{"table"};
  SystemClock clock;
  WallClock wall;
  SystemRandom random;
  std::unique_ptr<store::Store> store =
      value(store::Store::open(folder.path(), value(store::Store::lock(folder.path()))));
  services::KeyFile key = value(services::KeyFile::open(folder / "secret.key", random));
  rpc::FdNumbers numbers{500, 1};
  services::AuthTokens auth_tokens{key};
  services::Identity identity{*store, key, auth_tokens, numbers, clock};
  services::AccessRules access{*store};
  services::SignIns sign_ins{key, random};
  core::Core core{core::Limits{}, random};
  core::Timetable timetable;
  logs::LogStore logs{folder / "logs"};
  rpc::Loop core_loop{"core", clock, &core};
  rpc::Loop log_loop{"logs", clock, &logs};
  blobs::BlobStore blobs = value(blobs::BlobStore::open_folder(folder / "blobs", clock));
  images::ClientMounts client_mounts = value(
      images::ClientMounts::open_folder({.root = folder / "runtime", .cache = folder / "cache"}));
  images::MountTrees mount_trees = value(images::MountTrees::open_folder(folder / "mounts", blobs));
  NoPrograms no_programs;
  worker::Execs execs{clock};
  services::Context context{clock,
                            wall,
                            random,
                            *store,
                            key,
                            identity,
                            access,
                            sign_ins,
                            auth_tokens,
                            core,
                            timetable,
                            core_loop,
                            log_loop,
                            logs,
                            blobs,
                            client_mounts,
                            mount_trees,
                            execs,
                            "http://127.0.0.1:8714"};
  images::LayerStore layers = value(images::LayerStore::open_folder(folder / "layers"));
  images::BaseImages bases = value(images::BaseImages::open_folder(
      {.root = folder / "bases", .cache = folder / "cache", .host = {}}, layers));
  NoSteps steps;
  images::Builder builder{
      layers, bases, steps, {.root = folder / "build", .cache = folder / "cache", .host = {}}};
  NoFunctions no_functions;
  services::Images images{context, builder, no_functions};
  services::Apps apps{context};
  services::BaseImageCalls base_image_calls{bases};
  services::ServerFacts facts;
  Pool volume_pool{1, 100};
  std::unique_ptr<volumes::Contents> contents =
      value(volumes::Contents::open_folder(folder / "volumes/contents"));
  volumes::Uploads uploads{folder / "volumes/contents"};
  std::unique_ptr<volumes::Layers> volume_layers = value(volumes::Layers::open_folder(
      folder / "volumes/layers", *store, *contents, volume_pool, [](std::string) {}));
  std::unique_ptr<volumes::Mounts> volume_mounts =
      value(volumes::Mounts::open_folder(folder / "volumes/mounts",
                                         {.store = *store,
                                          .contents = *contents,
                                          .layers = *volume_layers,
                                          .clock = clock,
                                          .pool = volume_pool,
                                          .remove = [](std::string) {},
                                          .limits = {}},
                                         0ns));
  services::History history{context};
  Handlers handlers{
      context, history, facts, {*contents, uploads, *volume_layers, *volume_mounts, {}}};
  NamedRoom inline_room{Where::kInline}, write_room{Where::kWrite}, read_room{Where::kRead},
      slow_room{Where::kSlow}, volume_room{Where::kVolumes}, core_room{Where::kCore},
      log_room{Where::kLogs}, exec_room{Where::kExecs}, flow_room{Where::kFlows},
      take_room{Where::kTakes}, data_room{Where::kData};
  rpc::Table table;
};

}  // namespace ionian::server
