#pragma once
// What a handler knows of the call it answers: who asks, how, and, for polls and streams, what it
// waits for.
#include <any>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace ionian::rpc {

enum class CallerKind {
  kAnonymous,
  kToken,  // a client with a valid token pair
  kTask,   // a container, known by its own socket
  kOwner,  // the owner of the data folder, by the unix socket in it
};

// A person's or service user's standing in its workspace, ascending.
enum class WorkspaceRole { kNone, kService, kMember, kManager, kOwner };
// What one may do in an environment, ascending.
enum class EnvironmentRole { kNoAccess, kViewer, kContributor };

// Whose call it is. `workspace` is the wall that every look-up takes as an argument.
struct Caller {
  CallerKind kind = CallerKind::kAnonymous;
  WorkspaceId workspace;
  EnvironmentId environment;  // kTask: that of its app; else empty
  TokenId token;              // kToken
  std::string principal;      // kToken: the user (us-…) or service user (sv-…) behind it
  WorkspaceRole role = WorkspaceRole::kNone;
  TaskId task = {};  // kTask
  AppId app = {};    // kTask

  // kToken: one that may do less than its owner. `role` is what is left of the owner's `standing`.
  bool limited = false;
  WorkspaceRole standing = WorkspaceRole::kNone;
  EnvironmentRole most = EnvironmentRole::kContributor;  // no more than this in any environment
  std::shared_ptr<const std::vector<EnvironmentId>> only = {};  // these environments; null = all
  TaskId router_task = {};  // not empty: it may reach the command router of this one, and no more
};

// Whose calls a method takes. Policy stands on the table's line, as data.
enum class Access {
  kAnonymous,  // everybody
  kView,       // a valid token or a container; in environments, the role viewer
  kClient,     // the same; in environments, the role contributor
  kContainer,  // containers only
  kMember,     // a valid token; containers have no identity of their own to manage
  kUnlimited,  // the same, but one that may do all that its owner may
  kManager,    // a token of a manager or owner of the workspace
  kOwner,      // the data folder's owner only
};

// The kind of client as x-modal-client-type numbers it.
enum class ClientType { kUnknown = 0, kPython = 1, kContainer = 3, kJavaScript = 8, kGo = 9 };

struct RequestHeaders {
  std::string client_version;  // "1.6.4"; JavaScript and Go always say "1.0.0"
  ClientType client_type = ClientType::kUnknown;
  std::string token_id, token_secret;
  std::string bearer;  // of the command router's callers
  std::string idempotency_key;
  std::string node, platform;  // the client's computer, as it calls itself; percent-encoded
  std::string host;            // by which the client reached the server, as it says
  bool oauth = false;  // came with OAuth headers, which only a third-party issuer could check
};

// A name for "something has changed": the handler that waits for it is called again when it is
// notified.
using WatchKey = std::string;

class Call {
 public:
  std::string_view method;          // "/modal.client.ModalClient/AppCreate"
  Access access = Access::kClient;  // the method's
  Caller caller;
  RequestHeaders headers;
  std::string peer;  // as gRPC writes it: "ipv4:127.0.0.1:4711", "unix:…", "fd:4200"
  Time now;          // when this attempt of the handler began

  // For handlers that wait. Before it answers "not yet" a handler names what it waits for and until
  // when; at that time it is called once more with `timed_out` set, and must answer.
  void watch(WatchKey key) { watches.push_back(std::move(key)); }
  void wait_until(Time t) {
    if (!until || t < *until) until = t;
  }
  bool timed_out = false;

  // Client streams: the handler is done with this message, and is called again with the next one.
  bool passed = false;

  // A value that lives as long as the call: the cursor of a stream, the ticket of a poll.
  template <class T>
  T& state() {
    if (!state_.has_value()) state_ = std::make_shared<T>();
    return **std::any_cast<std::shared_ptr<T>>(&state_);
  }

  // Handlers that write: runs once the write is on disk, before the reply goes out. What must be
  // told to other rooms is told here, so that they never know of what was not kept.
  void after_commit(std::function<void()> f) { committed.push_back(std::move(f)); }

  // Handlers of a loop, whose state changes at once: the reply waits until this says that the
  // change is on disk; an error goes out in its place. It is called once, with the function to be
  // told.
  std::function<void(std::function<void(Result<void>)>)> before_reply;

  // By which a repeated call finds the first one's reply, and what it asked; empty without a key.
  // Who writes them down with the reply (store::keep_reply) makes them outlive the server.
  std::string reply_key, request_hash;

  // Goes out with the reply, for what the protocol's messages have no field for.
  std::vector<std::pair<std::string, std::string>> reply_headers;

  std::vector<std::function<void()>> committed;
  std::vector<WatchKey> watches;
  std::optional<Time> until;

 private:
  std::any state_;
};

}  // namespace ionian::rpc
