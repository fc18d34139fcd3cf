#pragma once
// A connection to a server, and who calls. Nothing is opened or read before the first call, so a
// Client may be a global.
#include <memory>
#include <optional>
#include <string>

#include "ionian/duration.hpp"
#include "ionian/error.hpp"

namespace ionian {
namespace client {
class Session;
}
inline namespace v0 {

// What is left out comes from config().
struct ClientOptions {
  // Both or none.
  std::optional<std::string> token_id = {}, token_secret = {};
  // http://, https:// or unix:; several with commas between are tried in order.
  std::optional<std::string> server_url = {};
  std::optional<std::string> environment = {};
  // DEBUG, INFO, WARNING, ERROR, CRITICAL: what of the library's own log lines goes to stderr.
  std::optional<std::string> loglevel = {};
  // Of each attempt of a call; an attempt that the server or the network failed is repeated up to 3
  // times. Default: 60 s.
  std::optional<Duration> timeout = {};
  // How long a call goes on when the server asks it to wait; 0: not at all.
  std::optional<Duration> max_throttle_wait = {};
};

// Whose a token is.
struct TokenInfo {
  struct Identity {
    std::string id, name;
  };
  std::string token_id, name, workspace, workspace_id;
  std::optional<Identity> user, service_user;  // one of them
  std::optional<Identity> created_by;          // of a service user
  std::optional<Time> created_at, expires_at;  // none: unknown, never
  std::optional<Time> last_used_at;            // before this call; none: unknown or never
  std::string role;                            // in the workspace; empty: the server does not say
};

// A value: copies share the connection. Every method may be called from any thread. After fork()
// the child's first call opens a connection of its own.
class Client {
 public:
  // Stands for from_env(), which is looked up at the first use.
  Client() noexcept = default;
  // A client of its own. AuthError, InvalidError: at the first call, if credentials lack or a
  // setting is wrong.
  explicit Client(ClientOptions options);
  // The process's shared one, made of config(); a new one if that was closed.
  static Client from_env();
  // Without credentials, for the few calls that need none.
  static Client anonymous(std::string server_url);

  // Asks the server whether it takes these credentials. ConnectionError: it cannot be reached, or
  // is no server of Ionian or Modal; says the URL, the cause, and what decided the URL. AuthError:
  // it does not take them. VersionError: it refuses this version of the library.
  void hello() const;
  // Errors as hello().
  TokenInfo token_info() const;
  // What calls go to and where they act: as passed, else as config() has it.
  std::string server_url() const;
  // Empty: the workspace's default.
  std::string environment() const;

  // Calls under way end with ClientClosed, and so do later ones, of every copy.
  void close() noexcept;
  bool is_closed() const noexcept;

 private:
  explicit Client(std::shared_ptr<client::Session> session) : session_(std::move(session)) {}
  std::shared_ptr<client::Session> session() const;

  std::shared_ptr<client::Session> session_;  // null: the shared one
};

}  // namespace v0
}  // namespace ionian
