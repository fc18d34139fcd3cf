#pragma once
// All parts of a server, in the order in which they are made; they end in the opposite one.
#include <memory>

#include "base/pool.h"
#include "base/result.h"
#include "container/spawner.h"
#include "gateway/blob_routes.h"
#include "gateway/metrics.h"
#include "gateway/pages/pages.h"
#include "gateway/volume_routes.h"
#include "images/base_images.h"
#include "images/builder.h"
#include "images/layers.h"
#include "server/server.h"
#include "services/admin.h"
#include "services/app_logs.h"
#include "services/apps.h"
#include "services/base_image_calls.h"
#include "services/blobs.h"
#include "services/calls.h"
#include "services/containers.h"
#include "services/driver.h"
#include "services/environments.h"
#include "services/functions.h"
#include "services/images.h"
#include "services/mounts.h"
#include "services/proxy_tokens.h"
#include "services/rooms.h"
#include "services/secrets.h"
#include "services/service_users.h"
#include "services/tasks.h"
#include "services/token_flow.h"
#include "services/tokens.h"
#include "services/workspaces.h"
#include "volumes/prover.h"
#include "worker/janitor.h"
#include "worker/step_runner.h"

namespace ionian::server {

struct Handlers;

class Parts {
 public:
  // Starts everything; the spawner first, before there is any thread.
  static Result<std::unique_ptr<Parts>> make(const ServeOptions& options);
  ~Parts();

  // Refuses new calls, lets running ones end, stops the containers.
  void stop();
  const services::ServerFacts& facts() const { return facts_; }
  // The first owner's one-time link; "" once there is an account.
  std::string owner_link();

 private:
  explicit Parts(const ServeOptions& options);
  Result<void> open_data();
  Result<void> start_spawner();
  Result<void> open_images();
  Result<void> open_volumes();
  services::VolumeParts volume_parts();
  void make_services();
  Result<void> make_handlers();
  void add_rooms(Handlers& handlers);
  Result<void> listen_for_http();
  Result<void> listen_for_calls();
  Result<void> listen();
  std::string_view scheme() const { return tls_ ? "https://" : "http://"; }
  // What a former life has left half done is ended in the records.
  Result<void> settle_records();

  std::optional<Time> recheck_open_calls(Time now);
  bool disk_is_short() const;

  const ServeOptions options_;
  SystemClock clock_;
  WallClock wall_;
  SystemRandom random_;
  services::ServerFacts facts_;
  std::unique_ptr<TlsFiles> tls_;  // null: in the clear
  std::unique_ptr<container::Spawner> spawner_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<services::KeyFile> key_;
  std::unique_ptr<blobs::BlobStore> blobs_;
  std::unique_ptr<images::LayerStore> layers_;
  std::unique_ptr<images::MountTrees> mount_trees_;
  std::unique_ptr<images::ClientMounts> client_mounts_;
  images::HostSettingsWhenWanted host_;
  std::unique_ptr<images::BaseImages> base_images_;
  std::unique_ptr<images::Builder> builder_;

  rpc::FdNumbers numbers_{kOtherFiles, kFilesMax - kOtherFiles};
  std::unique_ptr<services::AccessRules> access_;
  std::unique_ptr<services::SignIns> sign_ins_;
  std::unique_ptr<services::AuthTokens> auth_tokens_;
  std::unique_ptr<services::Identity> identity_;
  std::unique_ptr<core::Core> core_;
  core::Timetable timetable_;
  std::unique_ptr<logs::LogStore> logs_;
  std::unique_ptr<worker::Execs> execs_;
  std::unique_ptr<rpc::Loop> core_loop_, log_loop_, flow_loop_, exec_loop_;
  Time next_recheck_, next_removal_, next_blob_sweep_;  // of the flow loop's thread
  std::unique_ptr<services::Context> context_;

  worker::Janitor volume_janitor_;  // takes what volumes no longer need off the disk
  std::unique_ptr<volumes::Contents> contents_;
  std::unique_ptr<volumes::Uploads> uploads_;
  std::unique_ptr<volumes::Layers> volume_layers_;
  std::unique_ptr<volumes::Mounts> mounts_;
  std::unique_ptr<volumes::Prover> prover_;
  std::unique_ptr<Pool> slow_pool_, volume_pool_, merge_pool_;
  std::unique_ptr<services::History> history_;
  std::unique_ptr<services::Tasks> tasks_;
  std::unique_ptr<services::FunctionBuilder> function_builder_;
  std::unique_ptr<worker::Worker> worker_;
  std::unique_ptr<worker::ContainerStepRunner> step_runner_;
  std::unique_ptr<services::Images> images_;
  std::unique_ptr<services::BaseImageCalls> base_image_calls_;
  std::unique_ptr<services::Apps> apps_;
  std::unique_ptr<services::Driver> driver_;
  std::unique_ptr<gateway::BlobRoutes> blob_routes_;
  std::unique_ptr<gateway::VolumeRoutes> volume_routes_;
  std::unique_ptr<gateway::Metrics> metrics_;
  std::unique_ptr<Pool> hashing_pool_;
  std::unique_ptr<gateway::pages::Pages> pages_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::unique_ptr<services::InsideDoor> door_;
  std::unique_ptr<Handlers> handlers_;
  rpc::Table table_;
  std::unique_ptr<rpc::Pipeline> pipeline_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace ionian::server
