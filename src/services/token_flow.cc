#include "services/token_flow.h"

#include "base/percent.h"
#include "base/same_secret.h"
#include "services/actor.h"

#include <algorithm>

namespace ionian::services {
namespace {

constexpr std::size_t kNameMax = 64;  // of a computer, as it calls itself

// Without 0 O 1 I L, which people mix up.
std::string make_code(Random& random) {
  static constexpr std::string_view kAlphabet = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";
  std::string code = "XXXX-XXXX";
  for (char& c : code)
    if (c != '-') c = kAlphabet[random.below(kAlphabet.size())];
  return code;
}

}  // namespace

void TokenFlows::forget_old(Time now) {
  std::erase_if(flows_, [&](const auto& entry) {
    const Flow& flow = entry.second;
    return now - flow.created > kLife || (flow.collected && now - *flow.collected > kGrace);
  });
}

Result<std::string> TokenFlows::open(Time now, Flow flow) {
  std::lock_guard lock(mutex_);
  forget_old(now);
  const auto of_address = std::count_if(flows_.begin(), flows_.end(), [&](const auto& f) {
    return f.second.address == flow.address && f.second.state == Flow::kOpen;
  });
  if (flows_.size() >= kMax || static_cast<std::size_t>(of_address) >= kPerAddressMax)
    return fail(Code::kResourceExhausted,
                "too many requests for a token are open; answer or wait for them (each ends after "
                "10 minutes)");
  flow.created = now;
  const std::string secret = random_base62(random_, 32);
  flow.wait_secret_hash = key_.hash(secret);
  flows_[flow.id] = std::move(flow);
  return secret;
}

std::optional<Flow> TokenFlows::find(Time now, const std::string& id) {
  std::lock_guard lock(mutex_);
  forget_old(now);
  const auto it = flows_.find(id);
  if (it == flows_.end()) return std::nullopt;
  return it->second;
}

Result<std::optional<Flow>> TokenFlows::collect(Time now, const std::string& id,
                                                const std::string& wait_secret) {
  std::lock_guard lock(mutex_);
  forget_old(now);
  const auto it = flows_.find(id);
  if (it == flows_.end() || !same_secret(it->second.wait_secret_hash, key_.hash(wait_secret)))
    return fail(Code::kNotFound,
                "this request for a token has ended. Requests live 10 minutes, for one answer. "
                "Start again: `modal setup`");
  Flow& flow = it->second;
  if (flow.state == Flow::kOpen) return std::optional<Flow>();
  if (flow.state == Flow::kApproved && !flow.collected) flow.collected = now;
  return std::optional<Flow>(flow);
}

bool TokenFlows::try_code(Time now, const std::string& id, std::string_view typed) {
  std::string code;
  for (char c : typed)
    if (std::isalnum(static_cast<unsigned char>(c)))
      code += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (code.size() == 8) code.insert(4, "-");
  std::lock_guard lock(mutex_);
  forget_old(now);
  const auto it = flows_.find(id);
  if (it == flows_.end() || it->second.state != Flow::kOpen) return false;
  if (same_secret(it->second.code, code)) return true;
  if (++it->second.wrong_codes >= kCodesMax) it->second.state = Flow::kEnded;
  return false;
}

bool TokenFlows::approve(Time now, const std::string& id, TokenPair pair, std::string workspace) {
  std::lock_guard lock(mutex_);
  forget_old(now);
  const auto it = flows_.find(id);
  if (it == flows_.end() || it->second.state != Flow::kOpen) return false;
  it->second.state = Flow::kApproved;
  it->second.pair = std::move(pair);
  it->second.workspace = std::move(workspace);
  return true;
}

bool TokenFlows::refuse(Time now, const std::string& id) {
  std::lock_guard lock(mutex_);
  forget_old(now);
  const auto it = flows_.find(id);
  if (it == flows_.end() || it->second.state != Flow::kOpen) return false;
  it->second.state = Flow::kRefused;
  return true;
}

void TokenFlowCalls::bind(rpc::Table& table) {
  rpc::Table::Binder on(table, this);
  on("TokenFlowCreate", &TokenFlowCalls::create, rpc::Access::kAnonymous);
  on("TokenFlowWait", &TokenFlowCalls::wait, rpc::Access::kAnonymous);
}

Result<modal::client::TokenFlowCreateResponse> TokenFlowCalls::create(
    rpc::Call& call, const modal::client::TokenFlowCreateRequest& request) {
  Flow flow{.id = "tc-" + random_base62(c_.random, 22),
            .code = make_code(c_.random),
            .wait_secret_hash = "",
            .host = percent_decoded(call.headers.node).substr(0, kNameMax),
            .platform = percent_decoded(call.headers.platform).substr(0, kNameMax),
            .client_version = call.headers.client_version.substr(0, 32),
            .address = address_of(call.peer)};
  flow.localhost_port = request.localhost_port();
  flow.expires_in_seconds = request.expires_in_seconds();
  modal::client::TokenFlowCreateResponse reply;
  reply.set_token_flow_id(flow.id);
  reply.set_code(flow.code);
  reply.set_web_url(cat(c_.public_url, "/token-flow/", flow.id));
  ASSIGN_OR_RETURN(*reply.mutable_wait_secret(), flows_.open(call.now, std::move(flow)));
  return reply;
}

std::optional<Result<modal::client::TokenFlowWaitResponse>> TokenFlowCalls::wait(
    rpc::Call& call, const modal::client::TokenFlowWaitRequest& request, TokenFlows& flows) {
  Result<std::optional<Flow>> found =
      flows.collect(call.now, request.token_flow_id(), request.wait_secret());
  if (!found) return fail(found.error().code, found.error().message);
  modal::client::TokenFlowWaitResponse reply;
  if (!*found) {
    if (call.timed_out || request.timeout() <= 0) {
      reply.set_timeout(true);
      return reply;
    }
    call.wait_until(call.now + from_seconds(std::clamp<double>(request.timeout(), 0, 60)));
    call.watch(TokenFlows::key(request.token_flow_id()));
    return std::nullopt;
  }
  const Flow& flow = **found;
  if (flow.state == Flow::kRefused)
    return fail(Code::kPermissionDenied,
                "the request was refused in the browser; nothing was made");
  if (flow.state == Flow::kEnded)
    return fail(
        Code::kPermissionDenied,
        "the request has ended: too many wrong codes were typed. Start again: `modal setup`");
  reply.set_token_id(flow.pair.id.str());
  reply.set_token_secret(flow.pair.secret);
  reply.set_workspace_username(flow.workspace);
  return reply;
}

}  // namespace ionian::services
