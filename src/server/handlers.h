#pragma once
// The objects whose methods the table of RPCs names.
#include <memory>

#include "services/admin.h"
#include "services/app_list.h"
#include "services/app_logs.h"
#include "services/apps.h"
#include "services/audit_log.h"
#include "services/base_image_calls.h"
#include "services/blobs.h"
#include "services/call_info.h"
#include "services/calls.h"
#include "services/command_router.h"
#include "services/container_execs.h"
#include "services/containers.h"
#include "services/deleted.h"
#include "services/deployments.h"
#include "services/dicts.h"
#include "services/environments.h"
#include "services/function_history.h"
#include "services/function_metrics.h"
#include "services/functions.h"
#include "services/images.h"
#include "services/interactive.h"
#include "services/log_history.h"
#include "services/lookups.h"
#include "services/mounts.h"
#include "services/proxy_tokens.h"
#include "services/queues.h"
#include "services/rooms.h"
#include "services/scaling.h"
#include "services/secrets.h"
#include "services/service_users.h"
#include "services/shared_volumes.h"
#include "services/suggestions.h"
#include "services/task_list.h"
#include "services/token_flow.h"
#include "services/tokens.h"
#include "services/traces.h"
#include "services/variants.h"
#include "services/volume_check.h"
#include "services/volume_files.h"
#include "services/volumes.h"
#include "services/workspaces.h"

namespace ionian::server {

// The objects whose methods the table names.
struct Handlers {
  Handlers(services::Context& c, services::History& history, const services::ServerFacts& facts,
           const services::VolumeParts& v)
      : app_list(c),
        deployments(c),
        lookups(c),
        log_history(c),
        task_list(c),
        audit_log(c),
        blobs(c),
        environments(c),
        functions(c),
        function_history(c, history),
        function_metrics(c, history),
        calls(c),
        call_info(c),
        containers(c),
        interactive(c),
        command_router(c),
        container_execs(c),
        mounts(c),
        proxy_tokens(c),
        scaling(c),
        secrets(c),
        service_users(c),
        suggestions(c),
        tokens(c),
        variants(c),
        workspaces(c),
        app_logs(c),
        admin(c, facts),
        flows(c.key, c.random),
        token_flow(c, flows),
        takes(c),
        dicts(c),
        queues(c, takes),
        volumes(c, v),
        volume_files(c, v),
        volume_check(c, v),
        deleted(c),
        shared_volumes(c, services::shared_folders(facts.data)) {}

  // Fills the table; its rooms are there already.
  void bind(services::Apps& apps, services::Images& images, services::BaseImageCalls& base_images,
            rpc::Table& table) {
    app_list.bind(table);
    deployments.bind(table);
    lookups.bind(table);
    log_history.bind(table);
    task_list.bind(table);
    audit_log.bind(table);
    blobs.bind(table);
    environments.bind(table);
    functions.bind(table);
    function_history.bind(table);
    function_metrics.bind(table);
    calls.bind(table);
    call_info.bind(table);
    containers.bind(table);
    interactive.bind(table);
    command_router.bind(table);
    container_execs.bind(table);
    mounts.bind(table);
    proxy_tokens.bind(table);
    scaling.bind(table);
    secrets.bind(table);
    service_users.bind(table);
    suggestions.bind(table);
    tokens.bind(table);
    variants.bind(table);
    workspaces.bind(table);
    app_logs.bind(table);
    admin.bind(table);
    token_flow.bind(table);
    apps.bind(table);
    images.bind(table);
    base_images.bind(table);
    traces.bind(table);
    dicts.bind(table);
    queues.bind(table);
    volumes.bind(table);
    volume_files.bind(table);
    volume_check.bind(table);
    deleted.bind(table);
    shared_volumes.bind(table);
  }

  services::AppList app_list;
  services::Deployments deployments;
  services::Lookups lookups;
  services::LogHistory log_history;
  services::TaskList task_list;
  services::AuditLog audit_log;
  services::Blobs blobs;
  services::Environments environments;
  services::Functions functions;
  services::FunctionHistory function_history;
  services::FunctionMetrics function_metrics;
  services::Calls calls;
  services::CallInfo call_info;
  services::Containers containers;
  services::Interactive interactive;
  services::CommandRouter command_router;
  services::ContainerExecs container_execs;
  services::Mounts mounts;
  services::ProxyTokens proxy_tokens;
  services::Scaling scaling;
  services::Secrets secrets;
  services::ServiceUsers service_users;
  services::Suggestions suggestions;
  services::Tokens tokens;
  services::Variants variants;
  services::Workspaces workspaces;
  services::AppLogs app_logs;
  services::Admin admin;
  services::Traces traces;
  services::TokenFlows flows;
  services::TokenFlowCalls token_flow;
  services::QueueTakes takes;
  services::Dicts dicts;
  services::Queues queues;
  services::Volumes volumes;
  services::VolumeFiles volume_files;
  services::VolumeCheck volume_check;
  services::Deleted deleted;
  services::SharedVolumes shared_volumes;
  std::unique_ptr<services::WriteRoom> write_room;
  std::unique_ptr<services::ReadRoom> read_room;
  std::unique_ptr<services::SlowRoom> slow_room;
  std::unique_ptr<services::PooledRoom<services::VolumeWork>> volume_room;
  std::unique_ptr<services::InlineRoom> inline_room;
};

}  // namespace ionian::server
