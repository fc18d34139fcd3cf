#pragma once
// The objects whose methods the table of RPCs names.
#include <memory>

#include "services/admin.h"
#include "services/app_logs.h"
#include "services/audit_log.h"
#include "services/base_image_calls.h"
#include "services/apps.h"
#include "services/blobs.h"
#include "services/calls.h"
#include "services/containers.h"
#include "services/environments.h"
#include "services/functions.h"
#include "services/images.h"
#include "services/mounts.h"
#include "services/proxy_tokens.h"
#include "services/rooms.h"
#include "services/secrets.h"
#include "services/service_users.h"
#include "services/token_flow.h"
#include "services/tokens.h"
#include "services/workspaces.h"

namespace ionian::server {

// The objects whose methods the table names.
struct Handlers {
  explicit Handlers(services::Context& c, const services::ServerFacts& facts)
      : audit_log(c), blobs(c), environments(c), functions(c), calls(c), containers(c), mounts(c), proxy_tokens(c), secrets(c), service_users(c),
        tokens(c), workspaces(c), app_logs(c), admin(c, facts), flows(c.key, c.random), token_flow(c, flows) {}

  // Fills the table; its rooms are there already.
  void bind(services::Apps& apps, services::Images& images, services::BaseImageCalls& base_images, rpc::Table& table) {
    audit_log.bind(table);
    blobs.bind(table);
    environments.bind(table);
    functions.bind(table);
    calls.bind(table);
    containers.bind(table);
    mounts.bind(table);
    proxy_tokens.bind(table);
    secrets.bind(table);
    service_users.bind(table);
    tokens.bind(table);
    workspaces.bind(table);
    app_logs.bind(table);
    admin.bind(table);
    token_flow.bind(table);
    apps.bind(table);
    images.bind(table);
    base_images.bind(table);
  }

  services::AuditLog audit_log;
  services::Blobs blobs;
  services::Environments environments;
  services::Functions functions;
  services::Calls calls;
  services::Containers containers;
  services::Mounts mounts;
  services::ProxyTokens proxy_tokens;
  services::Secrets secrets;
  services::ServiceUsers service_users;
  services::Tokens tokens;
  services::Workspaces workspaces;
  services::AppLogs app_logs;
  services::Admin admin;
  services::TokenFlows flows;
  services::TokenFlowCalls token_flow;
  std::unique_ptr<services::WriteRoom> write_room;
  std::unique_ptr<services::ReadRoom> read_room;
  std::unique_ptr<services::SlowRoom> slow_room;
  std::unique_ptr<services::InlineRoom> inline_room;
};

}  // namespace ionian::server
