#include "ionian/client.hpp"

#include <google/protobuf/empty.pb.h>

#include <mutex>

#include "client/session.h"
#include "modal_proto/client.pb.h"
#include "modal_proto/token.pb.h"

namespace ionian {

using client::CallOptions;
using client::Session;
using client::SessionOptions;

namespace {

std::shared_ptr<Session> shared_session() {
  static std::mutex mutex;
  static std::shared_ptr<Session>& session =
      *std::make_unique<std::shared_ptr<Session>>().release();  // others' destructors may call
  const std::lock_guard lock(mutex);
  if (!session || session->is_closed()) session = std::make_shared<Session>(SessionOptions());
  return session;
}

Time time_of(const google::protobuf::Timestamp& at) {
  return Time(std::chrono::seconds(at.seconds()) + std::chrono::nanoseconds(at.nanos()));
}

std::optional<Time> time_or_none(const google::protobuf::Timestamp& at) {
  return at.seconds() > 0 ? std::optional(time_of(at)) : std::nullopt;
}

std::optional<TokenInfo::Identity> identity(const std::string& id, const std::string& name) {
  if (id.empty() && name.empty()) return std::nullopt;
  return TokenInfo::Identity{id, name};
}

// The reply to TokenInfoGet has no field for it. A token that may not list leaves it unknown.
std::optional<Time> last_use(Session& session, const std::string& token_id) {
  auto answer = session.try_call("TokensList", "", {.retry = CallOptions::Retry::kNever});
  modal::client::TokensListResponse reply;
  if (!answer || !reply.ParseFromString(answer->body)) return std::nullopt;
  for (const auto& token : reply.tokens())
    if (token.token_id() == token_id && token.last_used_at() > 0)
      return Time(from_seconds(token.last_used_at()));
  return std::nullopt;
}

}  // namespace

inline namespace v0 {

Client::Client(ClientOptions options)
    : session_(std::make_shared<Session>(
          SessionOptions{.token_id = std::move(options.token_id),
                         .token_secret = std::move(options.token_secret),
                         .server_url = std::move(options.server_url),
                         .environment = std::move(options.environment),
                         .loglevel = std::move(options.loglevel),
                         .timeout = options.timeout,
                         .max_throttle_wait = options.max_throttle_wait})) {}

Client Client::from_env() { return Client(shared_session()); }

Client Client::anonymous(std::string server_url) {
  return Client(std::make_shared<Session>(
      SessionOptions{.server_url = std::move(server_url), .who = SessionOptions::Who::kAnonymous}));
}

std::shared_ptr<Session> Client::session() const { return session_ ? session_ : shared_session(); }

void Client::hello() const { client::say_hello(*session()); }

TokenInfo Client::token_info() const {
  const std::shared_ptr<Session> session = this->session();
  modal::client::TokenInfoGetResponse reply;
  const client::WireReply answer =
      session->call("TokenInfoGet", modal::client::TokenInfoGetRequest(), reply);
  const auto& user = reply.user_identity();
  const auto& service = reply.service_user_identity();
  const auto& maker = service.created_by();
  return {.token_id = reply.token_id(),
          .name = reply.token_name(),
          .workspace = reply.workspace_name(),
          .workspace_id = reply.workspace_id(),
          .user = identity(user.user_id(), user.username()),
          .service_user = identity(service.service_user_id(), service.service_user_name()),
          .created_by = identity(maker.user_id(), maker.username()),
          .created_at = time_or_none(reply.created_at()),
          .expires_at = time_or_none(reply.expires_at()),
          .last_used_at = last_use(*session, reply.token_id()),
          .role = answer.find("x-ionian-role")};
}

std::string Client::server_url() const { return session()->server_url(); }
std::string Client::environment() const { return session()->environment(); }
void Client::close() noexcept { session()->close(); }
bool Client::is_closed() const noexcept { return session_ && session_->is_closed(); }

}  // namespace v0
}  // namespace ionian
