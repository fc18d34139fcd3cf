#include "services/images.h"

#include <nlohmann/json.hpp>

#include "blobs/hash.h"
#include "services/apps.h"
#include "services/mounts.h"
#include "services/secrets.h"
#include "services/stable_bytes.h"

namespace ionian::services {
namespace {

using modal::client::GenericResult;
using modal::client::ImageMetadata;

// Without the id of a builder function, which is another one in each run; its source and its
// globals are in the message.
std::string recipe_of(const modal::client::ImageGetOrCreateRequest& request) {
  return blobs::sha256_hex(cat(request.builder_version(), "\n\n", stable_bytes(request.image())));
}

ImageMetadata metadata_of(const RecordedImage& recorded) {
  ImageMetadata metadata;
  metadata.set_image_builder_version(recorded.builder_version);
  const images::ImageConfig& config = recorded.image.config;
  if (!config.python_version.empty())
    metadata.set_python_version_info("Python " + config.python_version);
  if (!config.libc.empty()) metadata.set_libc_version_info(config.libc);
  if (!config.workdir.empty()) metadata.set_workdir(config.workdir);
  return metadata;
}

template <class Reply>
void fill_result(Reply& reply, const store::Image& record) {
  if (record.state == store::ImageState::kBuilt) {
    reply.mutable_result()->set_status(GenericResult::GENERIC_STATUS_SUCCESS);
    *reply.mutable_metadata() = metadata_of(built_image_of(record));
  } else if (record.state == store::ImageState::kFailed) {
    reply.mutable_result()->set_status(GenericResult::GENERIC_STATUS_FAILURE);
    reply.mutable_result()->set_exception(record.error);
  }
}

// A build's output, as entries of the image's log.
class LogOfBuild final : public images::BuildLog {
 public:
  LogOfBuild(const Context& c, ImageId image) : c_(c), image_(std::move(image)) {}
  void write(int fd, std::string_view text) override {
    modal::client::TaskLogsBatch batch;
    batch.set_image_id(image_.str());
    auto* item = batch.add_items();
    item->set_data(std::string(text));
    item->set_file_descriptor(fd == 2 ? modal::client::FILE_DESCRIPTOR_STDERR
                                      : modal::client::FILE_DESCRIPTOR_STDOUT);
    item->set_timestamp(to_unix_seconds(c_.clock.now()));
    c_.log(image_.str(), std::move(batch));
  }

 private:
  const Context& c_;
  const ImageId image_;
};

}  // namespace

std::string to_json(const images::BuiltImage& image, const std::string& builder_version) {
  const images::ImageConfig& c = image.config;
  return nlohmann::json{{"layers", image.layers},
                        {"env", c.env},
                        {"workdir", c.workdir},
                        {"user", c.user},
                        {"entrypoint", c.entrypoint},
                        {"cmd", c.cmd},
                        {"shell", c.shell},
                        {"python", c.python_version},
                        {"libc", c.libc},
                        {"builder_version", builder_version}}
      .dump();
}

RecordedImage built_image_of(const store::Image& record) {
  const nlohmann::json j = nlohmann::json::parse(record.built);
  RecordedImage out;
  out.builder_version = j.at("builder_version");
  out.image.layers = j.at("layers").get<std::vector<std::string>>();
  images::ImageConfig& c = out.image.config;
  c.env = j.at("env").get<images::Variables>();
  c.workdir = j.at("workdir");
  c.user = j.at("user");
  c.entrypoint = j.at("entrypoint").get<std::vector<std::string>>();
  c.cmd = j.at("cmd").get<std::vector<std::string>>();
  c.shell = j.at("shell").get<std::vector<std::string>>();
  c.python_version = j.at("python");
  c.libc = j.at("libc");
  return out;
}

Images::Images(Context& context, images::Builder& builder, FunctionBuilder& function_builder)
    : c_(context), builder_(builder), function_builder_(function_builder) {
  for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { main(); });
}

Images::~Images() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [key, build] : by_key_) build->cancelled = true;
  }
  came_.notify_all();
  for (std::thread& t : threads_) t.join();
}

void Images::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("ImageGetOrCreate", &Images::get_or_create);
  on("ImageJoinStreaming", &Images::join);
}

Result<modal::client::ImageGetOrCreateResponse> Images::get_or_create(
    rpc::Call& call, const modal::client::ImageGetOrCreateRequest& request, Slow&) {
  modal::client::ImageGetOrCreateResponse reply;
  const std::string recipe = recipe_of(request);
  const bool fresh = request.force_build() || request.ignore_cache();
  if (!request.build_function_id().empty()) TRY(check_function(call, request.build_function_id()));
  TRY(check_secrets(call, request.image()));
  std::unique_lock lock(mutex_);
  const std::string key =
      cat(call.caller.workspace, ' ', recipe, ' ', request.force_build(), request.ignore_cache());
  if (const auto running = by_key_.find(key); running != by_key_.end()) {
    running->second->waiters.push_back({AppId(request.app_id()), request.build_function_id()});
    reply.set_image_id(running->second->record.id.str());
    return reply;
  }
  if (!fresh) {
    const auto known = c_.store.read([&](store::View& view) {
      return store::find_image_by_recipe(view, call.caller.workspace, recipe);
    });
    if (known) {
      reply.set_image_id(known->id.str());
      fill_result(reply, *known);
      return reply;
    }
  }
  if (queue_.size() >= kQueueMax)
    return fail(Code::kResourceExhausted, "too many image builds are waiting; try again later");
  auto build = std::make_shared<Build>();
  build->record = {.id = ImageId::make(c_.random, call.now),
                   .workspace = call.caller.workspace,
                   .recipe = recipe};
  build->key = key;
  build->request = request;
  build->caller = call.caller;
  build->waiters.push_back({AppId(request.app_id()), request.build_function_id()});
  if (request.build_function_id().empty())
    TRY(input_of(*build));
  else
    TRY(function_build_of(*build, request.build_function_id()));
  TRY(c_.store.write_now([&](store::Tx& tx) -> Result<void> {
    store::insert_image(tx, build->record, call.now);
    return {};
  }));
  by_key_.emplace(key, build);
  queue_.push_back(build);
  came_.notify_one();
  reply.set_image_id(build->record.id.str());
  return reply;
}

std::optional<Status> Images::join(rpc::Call& call,
                                   const modal::client::ImageJoinStreamingRequest& request,
                                   logs::LogStore& logs,
                                   rpc::Emit<modal::client::ImageJoinStreamingResponse>& emit) {
  struct Reading {
    bool begun = false;
    std::string cursor;
  };
  Reading& reading = call.state<Reading>();
  // Before the record, which says more once it is written.
  std::optional<store::Image> record =
      unwritten(call.caller.workspace, ImageId(request.image_id()));
  if (!record)
    record = c_.store.read([&](store::View& view) {
      return store::find_image(view, call.caller.workspace, ImageId(request.image_id()));
    });
  if (!record)
    return Status{Code::kNotFound, cat("Could not find image with ID '", request.image_id(), "'")};
  const bool over = record->state != store::ImageState::kBuilding;
  if (!std::exchange(reading.begun, true)) {
    reading.cursor = request.last_entry_id();
    call.wait_until(call.now + from_seconds(std::clamp<double>(request.timeout(), 0, 300)));
  }
  for (modal::client::TaskLogsBatch& batch :
       logs.read(request.image_id(), reading.cursor, 1 << 20)) {
    modal::client::ImageJoinStreamingResponse part;
    *part.mutable_task_logs() = batch.items();
    part.set_entry_id(batch.entry_id());
    emit(std::move(part));
  }
  if (!emit.empty()) return std::nullopt;
  if (over) {
    modal::client::ImageJoinStreamingResponse last;
    fill_result(last, *record);
    last.set_entry_id(reading.cursor);
    last.set_eof(true);
    emit(std::move(last));
    return Status::ok_status();
  }
  if (call.timed_out) return Status::ok_status();
  call.watch(logs::LogStore::key(request.image_id()));
  return std::nullopt;
}

Result<images::BuildInput> Images::input_of(const Build& build) const {
  const modal::client::Image& image = build.request.image();
  images::BuildInput input;
  input.builder_version = build.request.builder_version();
  input.dockerfile_commands.assign(image.dockerfile_commands().begin(),
                                   image.dockerfile_commands().end());
  for (const auto& file : image.context_files())
    input.context_files.emplace_back(file.filename(), file.data());
  for (const auto& [name, value] : image.build_args()) input.build_args[name] = value;
  return c_.store.read([&](store::View& view) -> Result<images::BuildInput> {
    for (const auto& base : image.base_images()) {
      const auto record = store::find_image(view, build.caller.workspace, ImageId(base.image_id()));
      if (!record || record->state != store::ImageState::kBuilt)
        return fail(Code::kNotFound, "Could not find image with ID '", base.image_id(), "'");
      input.base_images[base.docker_tag()] = built_image_of(*record).image;
    }
    if (!image.context_mount_id().empty()) {
      const auto mount =
          store::find_mount(view, build.caller.workspace, MountId(image.context_mount_id()));
      if (!mount) return fail(Code::kNotFound, "mount '", image.context_mount_id(), "' not found");
      ASSIGN_OR_RETURN(input.context_tree, tree_of_mount(c_, *mount));
    }
    for (const std::string& id : image.secret_ids()) {
      ASSIGN_OR_RETURN(const auto variables, open_secret(c_, view, build.caller.workspace, id));
      input.secret_env.insert(input.secret_env.end(), variables.begin(), variables.end());
    }
    return input;
  });
}

Result<void> Images::check_function(const rpc::Call& call, const std::string& id) const {
  return c_.store.read([&](store::View& view) -> Result<void> {
    const auto function = store::find_function(view, call.caller.workspace, FunctionId(id));
    modal::client::Function definition;
    if (!function || !app_of(c_, view, call, function->app.str()) ||
        !definition.ParseFromString(function->definition))
      return fail(Code::kNotFound, "function '", id, "' not found");
    if (!definition.is_builder_function())
      return fail(Code::kInvalidArgument, "function '", id, "' is not one that builds an image");
    return {};
  });
}

// Before what is known is looked up, so that no answer tells that somebody else has built with it.
Result<void> Images::check_secrets(const rpc::Call& call, const modal::client::Image& image) const {
  if (image.secret_ids().empty()) return {};
  return c_.store.read([&](store::View& view) -> Result<void> {
    for (const std::string& id : image.secret_ids()) TRY(check_secret(c_, view, call, id));
    return {};
  });
}

Result<FunctionBuild> Images::function_build_of(const Build& build,
                                                const std::string& function) const {
  const modal::client::Image& image = build.request.image();
  if (image.base_images_size() != 1)
    return fail(Code::kInvalidArgument, "an image that a function builds has one base, not ",
                image.base_images_size());
  if (image.dockerfile_commands_size() > 0)
    return fail(Code::kInvalidArgument,
                "a layer is built by a function or by lines of a Dockerfile, not by both");
  const std::string& base = image.base_images(0).image_id();
  const auto record = c_.store.read([&](store::View& view) {
    return store::find_image(view, build.caller.workspace, ImageId(base));
  });
  if (!record || record->state != store::ImageState::kBuilt)
    return fail(Code::kNotFound, "Could not find image with ID '", base, "'");
  return FunctionBuild{.workspace = build.caller.workspace,
                       .function = FunctionId(function),
                       .base = built_image_of(*record).image,
                       .input = image.build_function().input().SerializeAsString()};
}

Result<images::BuiltImage> Images::build_by_dockerfile(Build& build, images::BuildLog& log) {
  ASSIGN_OR_RETURN(const images::BuildInput input, input_of(build));
  return builder_.build(input, log, build.cancelled);
}

// Another app that waits for the same image has the same function under another id: its own goes on
// where the first one's app is stopped.
Result<images::BuiltImage> Images::build_by_function(Build& build, images::BuildLog& log) {
  for (;;) {
    std::string function;
    {
      std::lock_guard lock(mutex_);
      if (build.waiters.empty()) return fail(Code::kCancelled, "the build was cancelled");
      function = build.waiters.front().build_function_id;
    }
    ASSIGN_OR_RETURN(const FunctionBuild by_function, function_build_of(build, function));
    Result<images::BuiltImage> built = function_builder_.build(by_function, log, build.cancelled);
    if (built || built.error().code != Code::kAborted) return built;
    std::lock_guard lock(mutex_);
    std::erase_if(build.waiters, [&](const Build::Waiter& waiter) {
      return waiter.build_function_id == function;
    });
    if (build.waiters.empty()) return built;
  }
}

void Images::main() {
  for (;;) {
    std::shared_ptr<Build> build;
    {
      std::unique_lock lock(mutex_);
      came_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      build = std::move(queue_.front());
      queue_.pop_front();
    }
    run(*build);
  }
}

void Images::run(Build& build) {
  LogOfBuild log(c_, build.record.id);
  Result<images::BuiltImage> built = fail(Code::kCancelled, "the build was cancelled");
  if (!build.cancelled) {
    built = build.request.build_function_id().empty() ? build_by_dockerfile(build, log)
                                                      : build_by_function(build, log);
  }
  finish(build, built);
}

void Images::app_ended(const AppId& app) {
  std::lock_guard lock(mutex_);
  for (auto& [key, build] : by_key_) {
    std::erase_if(build->waiters, [&](const Build::Waiter& waiter) { return waiter.app == app; });
    if (build->waiters.empty()) build->cancelled = true;
  }
}

}  // namespace ionian::services
