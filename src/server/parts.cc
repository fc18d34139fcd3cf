#include "server/parts.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "blobs/hash.h"
#include "container/netns.h"
#include "server/handlers.h"
#include "server/version.h"
#include "services/kept_replies.h"
#include "services/volume_damage.h"

namespace ionian::server {

namespace {

// Opens the gateway inside each container, by its network namespace.
class GatewayDoor final : public services::InsideDoor {
 public:
  explicit GatewayDoor(gateway::Gateway& gateway) : gateway_(gateway) {}
  void open(const TaskId& id, UniqueFd netns) override {
    Result<UniqueFd> listener =
        container::listen_in(netns.get(), container::kLocalAddress, services::Blobs::kInsidePort);
    if (!listener) return log::warning("task ", id, " has no blobs: ", listener.error().message);
    gateway_.open_inside(id, std::move(*listener));
  }
  void close(const TaskId& id) override { gateway_.close_inside(id); }

 private:
  gateway::Gateway& gateway_;
};

// What one needs, by the official runtime's imports.
std::size_t standbys_in(std::uint64_t mib) { return mib / 64; }

gateway::Route health_route() {
  return {.prefix = "/health", .handle = [](gateway::Exchange& e) {
            e.reply(200, "text/plain; charset=utf-8", "ok\n");
          }};
}

std::string cache_folder(const ServeOptions& options) {
  if (!options.cache.empty()) return options.cache;
  if (const char* set = std::getenv("IONIAN_CACHE"); set && *set) return set;
  const char* home = std::getenv("HOME");
  return cat(home ? home : "/root", "/.cache/ionian");
}

// Distinct for each data folder, and the same at each start on it: what a former life left is found
// by it.
std::string name_of(const std::string& data) {
  return "ionian-" + blobs::sha256_hex(data).substr(0, 8);
}

// A folder that somebody made by hand may be open to all of the machine; what lies in it is not for
// them.
Result<void> close_to_others(const std::string& folder) {
  struct stat about;
  if (::stat(folder.c_str(), &about) != 0) return sys_fail(cat("cannot look at ", folder));
  if (!S_ISDIR(about.st_mode)) return sys_fail(cat("cannot use ", folder), ENOTDIR);
  if ((about.st_mode & 077) == 0) return {};
  if (::chmod(folder.c_str(), 0700) != 0)
    return sys_fail(cat("cannot close ", folder, " to others"));
  log::warning(folder, " was open to others of this machine; it is closed to them now (0700)");
  return {};
}

}  // namespace

Parts::Parts(const ServeOptions& options) : options_(options) {}

Result<std::unique_ptr<Parts>> Parts::make(const ServeOptions& options) {
  std::unique_ptr<Parts> parts(new Parts(options));
  TRY(make_folders(options.data, 0700));
  TRY(parts->open_data());
  TRY(parts->open_images());
  TRY(parts->open_volumes());
  parts->make_services();
  TRY(parts->settle_records());
  TRY(parts->listen());
  return parts;
}

Result<void> Parts::start_spawner() {
  const std::string run = options_.data + "/run";
  TRY(make_folders(run, 0700));
  ASSIGN_OR_RETURN(spawner_, container::Spawner::start({.run_dir = run,
                                                        .name = name_of(options_.data),
                                                        .allow_hosts = options_.allow_hosts}));
  facts_.network_warning = spawner_->network_warning();
  return {};
}

Result<void> Parts::open_data() {
  TRY(close_to_others(options_.data));
  ASSIGN_OR_RETURN(store::Lock lock, store::Store::lock(options_.data));
  if (!options_.tls_certificate.empty()) {
    ASSIGN_OR_RETURN(tls_, TlsFiles::open(options_.tls_certificate, options_.tls_key));
  }
  // Copies of the records that nobody came for.
  TRY(remove_tree(options_.data + "/backup"));
  // After the lock: the spawner ends what it takes for a former life's containers. Before there is
  // any thread.
  TRY(start_spawner());
  const std::string key_path = options_.data + "/secret.key";
  if (::access((options_.data + "/ionian.db").c_str(), F_OK) == 0 &&
      ::access(key_path.c_str(), F_OK) != 0)
    return fail(Code::kFailedPrecondition, key_path,
                " is missing, and without it neither tokens nor secrets of this folder can be "
                "read. Restore it from where it was "
                "copied to; a new one is made only for a new folder");
  ASSIGN_OR_RETURN(store_, store::Store::open(options_.data, std::move(lock)));
  ASSIGN_OR_RETURN(services::KeyFile key, services::KeyFile::open(key_path, random_));
  key_ = std::make_unique<services::KeyFile>(std::move(key));
  return {};
}

Result<void> Parts::open_images() {
  const std::string cache = cache_folder(options_);
  if (!options_.no_host_settings) host_ = images::HostSettingsWhenWanted::detect();
  ASSIGN_OR_RETURN(auto blobs, blobs::BlobStore::open_folder(options_.data + "/blobs", clock_));
  blobs_ = std::make_unique<blobs::BlobStore>(std::move(blobs));
  ASSIGN_OR_RETURN(auto layers, images::LayerStore::open_folder(options_.data + "/layers"));
  layers_ = std::make_unique<images::LayerStore>(std::move(layers));
  ASSIGN_OR_RETURN(auto trees, images::MountTrees::open_folder(options_.data + "/mounts", *blobs_));
  mount_trees_ = std::make_unique<images::MountTrees>(std::move(trees));
  ASSIGN_OR_RETURN(auto client_mounts, images::ClientMounts::open_folder(
                                           {.root = options_.data + "/runtime", .cache = cache}));
  client_mounts_ = std::make_unique<images::ClientMounts>(std::move(client_mounts));
  images::BaseSettings of_bases{.root = options_.data + "/bases", .cache = cache, .host = host_};
  of_bases.disk_bytes = options_.build_disk_mib << 20;
  ASSIGN_OR_RETURN(auto bases, images::BaseImages::open_folder(of_bases, *layers_));
  base_images_ = std::make_unique<images::BaseImages>(std::move(bases));
  return {};
}

Result<void> Parts::open_volumes() {
  const std::string root = options_.data + "/volumes";
  TRY(make_folders(root, 0700));
  const auto remove = [this](std::string folder) { volume_janitor_.remove(std::move(folder)); };
  // What containers of a former life stood on and wrote.
  TRY(make_folders(root + "/trash", 0700));
  for (const char* folder : {"layers", "mounts"})
    (void)::rename(cat(root, '/', folder).c_str(),
                   cat(root, "/trash/", folder, '.', ::getpid(), '.', ::time(nullptr)).c_str());
  remove(root + "/trash");
  ASSIGN_OR_RETURN(contents_, volumes::Contents::open_folder(root + "/contents"));
  uploads_ = std::make_unique<volumes::Uploads>(root + "/contents");
  volume_pool_ = std::make_unique<Pool>(6, 10'000);
  merge_pool_ = std::make_unique<Pool>(1, 1'000);
  ASSIGN_OR_RETURN(volume_layers_, volumes::Layers::open_folder(root + "/layers", *store_,
                                                                *contents_, *merge_pool_, remove));
  ASSIGN_OR_RETURN(mounts_, volumes::Mounts::open_folder(root + "/mounts",
                                                         {.store = *store_,
                                                          .contents = *contents_,
                                                          .layers = *volume_layers_,
                                                          .clock = clock_,
                                                          .pool = *volume_pool_,
                                                          .remove = remove,
                                                          .limits = options_.volume_limits},
                                                         options_.volume_commit_interval));
  contents_->on_damage([this](const WorkspaceId& workspace, const std::string& content) {
    services::forget_damaged(*store_, *volume_layers_, *blobs_, workspace, content);
  });
  prover_ = std::make_unique<volumes::Prover>(
      *store_, *contents_, random_,
      volumes::Prover::Options{.bytes_per_second = options_.volume_check_mib << 20});
  return {};
}

services::VolumeParts Parts::volume_parts() {
  return {.contents = *contents_,
          .uploads = *uploads_,
          .layers = *volume_layers_,
          .mounts = *mounts_,
          .limits = options_.volume_limits};
}

void Parts::make_services() {
  facts_.version = kVersion;
  facts_.data = options_.data;
  facts_.started = clock_.now();
  core::Limits limits = options_.limits;
  limits.launching_max = std::max(limits.launching_max, std::thread::hardware_concurrency());
  core_ = std::make_unique<core::Core>(limits, random_);
  logs_ = std::make_unique<logs::LogStore>(options_.data + "/logs", options_.log_mib << 20);
  access_ = std::make_unique<services::AccessRules>(*store_);
  sign_ins_ = std::make_unique<services::SignIns>(*key_, random_);
  auth_tokens_ = std::make_unique<services::AuthTokens>(*key_);
  identity_ = std::make_unique<services::Identity>(*store_, *key_, *auth_tokens_, numbers_, clock_);
  core_loop_ = std::make_unique<rpc::Loop>("core", clock_, core_.get(),
                                           [this](Time now) { return driver_->after_batch(now); });
  log_loop_ = std::make_unique<rpc::Loop>("logs", clock_, logs_.get());
  execs_ = std::make_unique<worker::Execs>(clock_);
  exec_loop_ = std::make_unique<rpc::Loop>("execs", clock_, execs_.get());
  context_.reset(new services::Context{clock_, wall_, random_, *store_, *key_, *identity_, *access_,
                                       *sign_ins_, *auth_tokens_, *core_, timetable_, *core_loop_,
                                       *log_loop_, *logs_, *blobs_, *client_mounts_, *mount_trees_,
                                       *execs_, ""});
  context_->data_limits = options_.data_limits;
  context_->function_limits = options_.function_limits;
  context_->function_limits.longest_wait = options_.limits.unattended_call / 3;
  Duration& containers_age = context_->history_limits.containers_age;
  containers_age = std::max(context_->history_limits.age, options_.logs_kept);
  context_->dict_entry_life = options_.dict_entry_life;
  context_->dicts_kept_in = {options_.dicts_kept_in.begin(), options_.dicts_kept_in.end()};
  context_->keep_deleted = options_.keep_deleted;
  context_->devices = worker::read_cdi({.files = options_.cdi_dirs});
  core_->offer_devices(services::offered_devices(*context_));
  slow_pool_ = std::make_unique<Pool>(4, 10'000);
  history_ = std::make_unique<services::History>(*context_);
  tasks_ = std::make_unique<services::Tasks>(
      *context_, *history_, *layers_, *mounts_, numbers_, *slow_pool_,
      services::TaskLimits{.disk_bytes = options_.ephemeral_disk_mib << 20,
                           .shared_folder = services::shared_folders(options_.data)});
  mounts_->connect(*tasks_);
  function_builder_ = std::make_unique<services::ContainerFunctionBuilder>(
      *context_, *tasks_, *layers_,
      services::BuilderDisk{.folder_of = [this](const TaskId& id) { return worker_->upper_of(id); },
                            .bytes = options_.build_disk_mib << 20});
  worker_ = std::make_unique<worker::Worker>(
      worker::WorkerOptions{.folder = options_.data + "/tasks",
                            .standbys = standbys_in(options_.standby_mib.value_or(
                                std::min<std::uint64_t>(read_memory().total / 10 >> 20, 2048))),
                            .zygotes = !options_.no_zygotes,
                            .memory_short = [] { return read_memory().is_short(); },
                            .output_waits = [this] { return context_->output_waits(); }},
      *spawner_, *tasks_, clock_);
  execs_->connect(*worker_, [this](const std::string& key) {
    exec_loop_->post([this, key] { exec_loop_->notify(key); });
  });
  step_runner_ = std::make_unique<worker::ContainerStepRunner>(
      *worker_, random_, worker::step_bounds(options_.build_disk_mib, options_.build_memory_mib));
}

Result<void> Parts::make_handlers() {
  builder_ = std::make_unique<images::Builder>(
      *layers_, *base_images_, *step_runner_,
      images::BuildSettings{
          .root = options_.data + "/build", .cache = cache_folder(options_), .host = host_});
  images_ = std::make_unique<services::Images>(*context_, *builder_, *function_builder_);
  apps_ = std::make_unique<services::Apps>(*context_);
  driver_ = std::make_unique<services::Driver>(*context_, *apps_, *images_, *tasks_, *history_);
  ASSIGN_OR_RETURN(blob_routes_, gateway::BlobRoutes::open(*context_, options_.data + "/uploads"));
  metrics_ = std::make_unique<gateway::Metrics>(*context_, blob_routes_->traffic(), *worker_,
                                                facts_.started);

  handlers_ = std::make_unique<Handlers>(*context_, *history_, facts_, volume_parts());
  volume_routes_ = std::make_unique<gateway::VolumeRoutes>(*context_, volume_parts());
  hashing_pool_ = std::make_unique<Pool>(2, 64);
  add_rooms(*handlers_);
  base_image_calls_ = std::make_unique<services::BaseImageCalls>(*base_images_);
  handlers_->bind(*apps_, *images_, *base_image_calls_, table_);
  return {};
}

void Parts::add_rooms(Handlers& h) {
  h.write_room = std::make_unique<services::WriteRoom>(*store_, clock_);
  h.read_room = std::make_unique<services::ReadRoom>(*store_, clock_);
  h.slow_room = std::make_unique<services::SlowRoom>(*slow_pool_, clock_);
  h.volume_room =
      std::make_unique<services::PooledRoom<services::VolumeWork>>(*volume_pool_, clock_);
  h.inline_room = std::make_unique<services::InlineRoom>(clock_);
  table_.add_room<store::Tx>(*h.write_room);
  table_.add_room<store::View>(*h.read_room);
  table_.add_room<services::Slow>(*h.slow_room);
  table_.add_room<services::VolumeWork>(*h.volume_room);
  table_.add_room<core::Core>(*core_loop_);
  table_.add_room<logs::LogStore>(*log_loop_);
  table_.add_room<worker::Execs>(*exec_loop_);
  flow_loop_ = std::make_unique<rpc::Loop>("flows", clock_, &h.flows,
                                           [this](Time now) { return recheck_open_calls(now); });
  table_.add_room<services::TokenFlows>(*flow_loop_);
  table_.add_room<services::QueueTakes>(h.takes);
  table_.add_room<services::DataWatch>(h.takes.loop());
  table_.set_inline_room(*h.inline_room);
}

Result<void> Parts::listen_for_http() {
  pages_ = std::make_unique<gateway::pages::Pages>(gateway::pages::Site{
      *context_, handlers_->flows, *flow_loop_, *hashing_pool_, facts_.version, {}});
  ASSIGN_OR_RETURN(gateway_,
                   gateway::Gateway::listen(options_.http,
                                            {blob_routes_->route(), volume_routes_->route(),
                                             health_route(), metrics_->route(), pages_->route()},
                                            tls_.get()));
  door_ = std::make_unique<GatewayDoor>(*gateway_);
  const std::string http_host = options_.http.substr(0, options_.http.rfind(':'));
  facts_.http_url = cat(scheme(), http_host, ':', gateway_->port());
  context_->public_url = options_.public_url.empty() ? facts_.http_url : options_.public_url;
  if (tls_ && options_.public_url.empty()) handlers_->command_router.take_python_by_gateway();
  context_->http_is_wildcard = http_host == "0.0.0.0" && options_.public_url.empty();
  std::vector<std::string> names = {cat(http_host, ':', gateway_->port()),
                                    cat("localhost:", gateway_->port()),
                                    cat("127.0.0.1:", gateway_->port())};
  if (const std::size_t slashes = options_.public_url.find("//"); slashes != std::string::npos)
    names.push_back(options_.public_url.substr(slashes + 2));
  pages_->set_hosts(std::move(names));
  return {};
}

Result<void> Parts::listen_for_calls() {
  pipeline_ = std::make_unique<rpc::Pipeline>(
      table_, *identity_, numbers_, clock_,
      rpc::IdempotentReplies::Options{
          .recall = services::recall_of(*store_),
          .entries_max = static_cast<std::size_t>(options_.data_limits.kept_replies)},
      options_.call_memory_mib << 20);
  services::remember_replies(*store_, *pipeline_, clock_.now());
  facts_.counters = &pipeline_->counters();
  metrics_->connect(*pipeline_);
  const std::string socket = options_.data + "/admin.sock";
  ::unlink(socket.c_str());
  const mode_t before = ::umask(0177);
  auto server = rpc::Server::start(
      *pipeline_, {{.address = options_.grpc, .tls = tls_.get()}, {.address = "unix:" + socket}});
  ::umask(before);
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  const std::string host = options_.grpc.substr(0, options_.grpc.rfind(':'));
  facts_.grpc_url = options_.server_url.empty() ? cat(scheme(), host, ':', server_->port(0))
                                                : options_.server_url;
  pages_->set_server_url(facts_.grpc_url);
  context_->server_url = facts_.grpc_url;
  context_->server_is_wildcard =
      options_.server_url.empty() && (host == "0.0.0.0" || host == "[::]");
  return {};
}

Result<void> Parts::listen() {
  TRY(make_handlers());
  TRY(listen_for_http());
  TRY(listen_for_calls());
  gateway_->run([this](UniqueFd connection) {
    Result<int> number = numbers_.admit(std::move(connection));
    if (!number) return log::warning(number.error().message);
    server_->adopt(*number);
  });
  tasks_->connect(*worker_, *server_, *door_);
  core_loop_->start();
  log_loop_->start();
  exec_loop_->start();
  flow_loop_->start();
  handlers_->takes.start();
  return {};
}

std::string Parts::owner_link() {
  const auto owner = store_->read([](store::View& view) { return store::find_first_user(view); });
  if (!owner || !owner->password_hash.empty()) return "";
  return cat(context_->public_url, "/first-owner?key=", sign_ins_->make_owner_key(clock_.now()));
}

void Parts::stop() {
  std::future<void> drained = driver_->drained();
  if (core_loop_->post([this] { core_->drain(); }))
    drained.wait_for(std::chrono::seconds(options_.drain_seconds));
  // Calls that only wait are told at once; those that are at work get their time.
  core_loop_->stop();
  log_loop_->stop();
  exec_loop_->stop();
  flow_loop_->stop();
  handlers_->takes.stop();
  server_->stop(clock_.now() + 10s);
  history_->flush_at_the_end();
  // What containers have written and nobody has asked for yet.
  mounts_->commit_all();
}

Parts::~Parts() {
  if (core_loop_) core_loop_->stop();
  if (log_loop_) log_loop_->stop();
  if (exec_loop_) exec_loop_->stop();
  if (execs_) execs_->stop();
  if (flow_loop_) flow_loop_->stop();
  if (handlers_) handlers_->takes.stop();
  // What its routes answer from ends below; those tell it still which containers have gone.
  if (blob_routes_) blob_routes_->stop();
  if (gateway_) gateway_->stop();
  images_.reset();
  slow_pool_.reset();
  worker_.reset();
  gateway_.reset();
  server_.reset();
}

}  // namespace ionian::server
